/// What happens to a block's states between two passes.
package struct DenoisingStep {
    /// The number of the pass before it, from 0.
    package var pass: Int
    /// The times of that pass and of the next one.
    package var from, to: Double
    /// Nil: the absorbing process reveals by count, in an order; Gaussian steps are DDIM's where they are
    /// deterministic, else DDPM's; all others are ancestral.
    package var sampler: DiffusionSampler?
    /// How many tokens an absorbing process has revealed after it, which ones first, and for a random order its seed.
    package var target = 0
    package var order = RevealOrder.leftToRight
    package var seed: UInt64 = 0
    /// Whether tokens that were revealed may be masked again in favour of surer ones (Mask-Predict, Ghazvininejad et
    /// al. 2019).
    package var masksAgain = false
    /// Whether to take the likeliest way where there is one without chance.
    package var isDeterministic = false

    package init(pass: Int, from: Double, to: Double) {
        self.pass = pass
        self.from = from
        self.to = to
    }

    /// The time of a pass of `count`, from 0.
    package static func time(of pass: Int, among count: Int) -> Double { Double(count - pass) / Double(count) }
}
