import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier

/// The distributions that a verifier's pass gives along a draft, with random numbers keyed by (seed, position).
struct SampledDistributions: VerifierDistributions {
    let verifier: Verifier
    let sampler: Sampler
    let options: SamplingOptions
    let kind: Sampler.Draw
    /// The logits after the last committed token are the pass's with this number.
    let firstLogits: Int
    /// Of the first token after the committed ones.
    let position: Int
    let draft: Proposal
    /// What penalties look at, as far as it was committed.
    let committed: TokenHistory
    private var history: TokenHistory
    /// The index whose distribution the sampler has at hand.
    private var prepared: Int?

    init(
        verifier: Verifier, sampler: Sampler, options: SamplingOptions, kind: Sampler.Draw, firstLogits: Int,
        position: Int, draft: Proposal, history: TokenHistory
    ) {
        self.verifier = verifier
        self.sampler = sampler
        self.options = options
        self.kind = kind
        self.firstLogits = firstLogits
        self.position = position
        self.draft = draft
        committed = history
        self.history = history
    }

    private var random: CounterRandom { CounterRandom(seed: options.seed) }

    /// The history at an index: what was committed and the drafted tokens before it.
    private mutating func see(_ index: Int) {
        guard options.hasPenalties else { return }
        history = committed
        var above = index - 1
        while above >= 0 {
            history.append(draft.tokens[above])
            above = draft.parents[above]
        }
    }

    private func position(_ index: Int) -> Int { position + (index == 0 ? 0 : draft.depth(of: index - 1)) }

    private mutating func prepare(_ index: Int) throws(Sampler.NonFiniteLogits) {
        guard prepared != index else { return }
        see(index)
        try sampler.prepare(verifier.logits(firstLogits + index), options, history: history)
        prepared = index
    }

    mutating func draw(at index: Int) throws(Sampler.NonFiniteLogits) -> Int32 {
        if options.takesLikeliest {
            guard let token = verifier.likeliest(firstLogits + index) else { throw Sampler.NonFiniteLogits() }
            return token
        }
        see(index)
        prepared = nil
        return try sampler.sample(
            verifier.logits(firstLogits + index), options, history: history, position: position(index), draw: kind)
    }

    mutating func probability(of token: Int32, at index: Int) throws(Sampler.NonFiniteLogits) -> Double {
        try prepare(index)
        return sampler.probability(of: token)
    }

    mutating func excess(
        of weight: Double, over distribution: Proposal.Distribution, at index: Int
    ) throws(Sampler.NonFiniteLogits) -> Double {
        try prepare(index)
        var common = 0.0
        distribution.forEach { [sampler] token, q in common += min(weight * sampler.probability(of: token), q) }
        return max(0, weight - common)
    }

    mutating func drawExcess(
        of weight: Double, over distribution: Proposal.Distribution, at index: Int
    ) throws(Sampler.NonFiniteLogits) -> Int32 {
        try prepare(index)
        prepared = nil
        sampler.subtract(distribution.forEach, from: weight)
        return sampler.draw(.inverse, random, position: position(index), stream: .residual)
    }

    func happens(_ probability: Double, at index: Int) -> Bool {
        random.uniform(position: position(index), stream: .acceptance) < probability
    }
}
