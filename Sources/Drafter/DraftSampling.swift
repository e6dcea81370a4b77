import SpeculateShared

/// How a drafter chooses its tokens.
package enum DraftSampling: Equatable, Sendable {
    /// The likeliest token at each position.
    case greedy
    /// Draws from softmax(logits / temperature), keyed by the seed, the position in the sequence and the round.
    case random(temperature: Float, seed: UInt64)
    /// argmax(logits / temperature + G) with the Gumbel noise of the verifier's own draw at that position: a function
    /// of the distribution and the noise, accepted if the verifier draws it too.
    case gumbel(temperature: Float, seed: UInt64)

    /// 0 where the likeliest token is taken.
    var temperature: Float {
        switch self {
        case .greedy: 0
        case .random(let temperature, _), .gumbel(let temperature, _): temperature
        }
    }

    /// What its draws are keyed by; 0 without any.
    var seed: UInt64 {
        switch self {
        case .greedy: 0
        case .random(_, let seed), .gumbel(_, let seed): seed
        }
    }

    /// The same with numbers of a pass's own, apart from those of the block's last one.
    func keyed(byPass number: Int) -> DraftSampling {
        guard case .random(let temperature, let seed) = self else { return self }
        return .random(temperature: temperature, seed: seed &+ UInt64(number + 1) << 32)
    }
}
