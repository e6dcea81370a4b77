import SpeculateDrafter

/// A drafter that is written outside this package: its name, and how to make one for a sequence.
public struct CustomDrafter: Equatable, Sendable {
    /// For messages and reports.
    public let name: String
    /// Layers of the verifier, counted from 0, after which the drafter reads hidden states. With any, prompts are computed
    /// whole, so that it sees every row.
    public let taps: [Int]
    /// Makes a drafter for one sequence, on the engine's thread.
    let make: @Sendable (DraftContext) -> any Drafter

    public init(name: String, taps: [Int] = [], make: @escaping @Sendable (DraftContext) -> any Drafter) {
        self.name = name
        self.taps = taps
        self.make = make
    }

    /// Two are the same when their names and taps are.
    public static func == (first: CustomDrafter, second: CustomDrafter) -> Bool {
        first.name == second.name && first.taps == second.taps
    }
}
