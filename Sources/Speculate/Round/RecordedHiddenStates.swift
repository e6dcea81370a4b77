import SpeculateShared

/// What the verifier's passes said of a completion's tokens, for training a drafter.
package struct RecordedHiddenStates: Equatable, Sendable {
    /// [tokens − 1, layers, hidden] bfloat16: the residual stream after each recorded layer, of every token of prompt and
    /// answer but the last, which no pass has read.
    package private(set) var numbers: [UInt16] = []
    /// [answer tokens] log Σ exp(logit) of the distribution that each token was drawn from.
    package private(set) var logTotals: [Float] = []

    /// Numbers of a row: layers · hidden.
    private let width: Int

    init(width: Int) { self.width = width }

    /// Keeps what a pass said of one row.
    mutating func append(_ row: UnsafeBufferPointer<Float>) {
        for index in 0..<width {
            let bits = row[index].bitPattern
            // To nearest, ties to even.
            numbers.append(UInt16(truncatingIfNeeded: (bits + 0x7FFF + (bits >> 16 & 1)) >> 16))
        }
    }

    mutating func append(logTotal: Float) { logTotals.append(logTotal) }
}

extension Engine {
    /// Bytes of a row of hidden states, [layers, hidden].
    package nonisolated var recordedRowBytes: Int { model.hiddenStateWidth * MemoryLayout<UInt16>.stride }
}
