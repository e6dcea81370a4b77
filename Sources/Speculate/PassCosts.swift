import SpeculateShared

/// What passes take on this machine at present, in seconds.
public struct PassCosts: Encodable, Sendable {
    /// The verifier's pass over 1, 2, … rows.
    public var verify: [Double]
    /// The drafter's first pass over 1, 2, … slots, with the injection before it; empty without a diffusion drafter. Its
    /// weights come from memory, since the verifier's pass before it has driven them out of the processor's cache.
    public var draft: [Double]
    /// Each further denoising pass, which finds the weights in the cache.
    public var furtherPass: [Double]
}

extension Engine {
    /// What the adaptive choice of drafts reckons with. Asked before the first completion, it takes the time to measure
    /// all of it, which a completion would not wait for.
    /// - Throws: `EngineError` when there is no memory to measure with.
    public var passCosts: PassCosts {
        get throws(EngineError) {
            do throws(OutOfMemory) { return try drafting.costs(verifier, patience: .infinity).current } catch {
                throw EngineError(error)
            }
        }
    }
}
