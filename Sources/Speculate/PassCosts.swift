/// What passes take on this machine at present, in seconds.
public struct PassCosts: Sendable {
    /// The verifier's pass over 1, 2, … rows.
    public var verify: [Double]
    /// The drafter's pass over 1, 2, … slots, with the injection before it; empty without a diffusion drafter.
    public var draft: [Double]
}

extension Engine {
    /// What the adaptive choice of drafts reckons with.
    public var passCosts: PassCosts { drafting.costs(verifier).current }
}
