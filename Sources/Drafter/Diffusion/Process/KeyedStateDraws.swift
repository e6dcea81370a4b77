import SpeculateShared

/// Draws keyed by seed, position in the sequence, pass and purpose. They are nobody else's, so that given a block's
/// states the drawn tokens and the verifier's judgement are as independent of each other as without any.
struct KeyedStateDraws: StateDraws {
    let random: CounterRandom
    /// The position of the block's first token after the anchor.
    let position: Int

    private func uniform(_ token: Int, _ pass: Int, _ purpose: Int = 0) -> Double {
        random.uniform(position: position + token, stream: .state(pass: pass + 1, purpose: purpose))
    }

    func choose(_ weights: UnsafeBufferPointer<Float>, token: Int, pass: Int) -> Int {
        Inversion.draw(weights, uniform(token, pass)).index
    }

    func begin(among count: Int, token: Int) -> Int { min(Int(uniform(token, -1) * Double(count)), count - 1) }

    func happens(_ probability: Double, token: Int, pass: Int) -> Bool { uniform(token, pass, 1) < probability }

    /// Box and Muller's.
    func normal(token: Int, pass: Int, dimension: Int) -> Float {
        let pair = 2 * (dimension / 2)
        let radius = (-2 * log(1 - uniform(token, pass, pair))).squareRoot()
        let angle = 2 * .pi * uniform(token, pass, pair + 1)
        return Float(radius * (dimension == pair ? cos(angle) : sin(angle)))
    }
}
