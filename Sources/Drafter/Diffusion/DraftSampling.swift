import SpeculateShared

/// How the last pass draws its tokens.
package enum DraftSampling: Equatable, Sendable {
    /// The likeliest token each.
    case greedy
    /// Draws from softmax(logits / temperature), keyed by the seed and the position in the sequence.
    case random(temperature: Float, seed: UInt64)

    /// Apart from the verifier's draws, which use stream 0.
    static let stream: UInt64 = 1
}
