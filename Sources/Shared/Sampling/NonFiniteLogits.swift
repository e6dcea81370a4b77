/// The model produced numbers that are not a distribution.
public struct NonFiniteLogits: Error, Equatable, CustomStringConvertible {
    package init() {}

    public var description: String { "the model's logits are not finite numbers" }
}
