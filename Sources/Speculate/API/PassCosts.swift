import SpeculateShared

/// The current cost of passes on this machine, in seconds.
public struct PassCosts: Encodable, Sendable {
    /// The verifier's pass over 1, 2, … rows.
    public var verify: [Double]
    /// The drafter's first pass over 1, 2, … slots, including the injection before it; empty without a diffusion
    /// drafter. Its weights come from memory, since the verifier's pass before it has evicted them from the processor's
    /// cache.
    public var draft: [Double]
    /// Each further denoising pass, which finds the weights in the cache.
    public var furtherPass: [Double]
}

extension Engine {
    /// The costs that adaptive speculation works with. Before the first completion, this takes the time to measure all
    /// of them, which a completion would not wait for.
    public var passCosts: PassCosts {
        drafters.costs.measure(patience: .infinity)
        return drafters.costs.current
    }
}
