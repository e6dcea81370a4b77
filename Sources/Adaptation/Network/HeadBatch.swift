/// Slots to learn from: what enters the trained part, the token before the predicted one, and the verifier's distribution.
package struct HeadBatch {
    /// Tokens that are kept of a distribution.
    package static let width = 64

    package private(set) var rows = 0
    /// [rows × hidden] the residual stream.
    private(set) var inputs: [Float] = []
    /// [rows] the verifier's tokens.
    private(set) var previous: [Int32] = []
    /// [rows × width] indices of draft tokens, the likeliest first; −1 after the last.
    private(set) var tokens: [Int32] = []
    /// [rows × width] their probabilities.
    private(set) var probabilities: [Float] = []
    /// [rows] what each slot counts.
    private(set) var weights: [Float] = []

    package init() {}

    package mutating func removeAll() {
        rows = 0
        inputs.removeAll(keepingCapacity: true)
        previous.removeAll(keepingCapacity: true)
        tokens.removeAll(keepingCapacity: true)
        probabilities.removeAll(keepingCapacity: true)
        weights.removeAll(keepingCapacity: true)
    }

    package mutating func append(
        _ input: some Sequence<Float>, after token: Int32, _ target: TargetDistributions.Row, weight: Float
    ) {
        rows += 1
        inputs.append(contentsOf: input)
        previous.append(token)
        tokens.append(contentsOf: target.tokens)
        probabilities.append(contentsOf: target.probabilities)
        weights.append(weight)
    }
}
