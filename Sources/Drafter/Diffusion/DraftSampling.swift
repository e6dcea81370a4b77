import SpeculateShared

/// How the last pass draws its tokens.
package enum DraftSampling: Equatable, Sendable {
    /// The likeliest token each.
    case greedy
    /// Draws from softmax(logits / temperature), keyed by the seed and the position in the sequence.
    case random(temperature: Float, seed: UInt64)
    /// argmax(logits / temperature + G) with the Gumbel noise that the verifier's own draw uses there: a function of
    /// the distribution and the noise, to be kept when the verifier draws it too.
    case gumbel(temperature: Float, seed: UInt64)
}
