/// What else a verifying pass holds while one sequence's draft is being chosen.
public struct PassLoad: Equatable, Sendable {
    /// Rows of other sequences.
    public var rows: Int
    /// Tokens that those rows are expected to bring.
    public var tokens: Double

    /// A pass of the sequence's own.
    public static let none = PassLoad(rows: 0, tokens: 0)

    public init(rows: Int, tokens: Double) {
        self.rows = rows
        self.tokens = tokens
    }
}
