import SpeculateDrafter
import SpeculateShared

/// The distributions of a verifier pass along a draft, with random numbers keyed by seed, position, purpose and, for
/// some, round.
struct SampledDistributions: VerifierDistributions {
    let pass: PassResult
    let sampler: Sampler
    let options: SamplingOptions
    let kind: Sampler.Draw
    /// The index, in the pass, of the logits after the last committed token.
    let firstLogits: Int
    /// The position of the first token after the committed ones.
    let position: Int
    let draft: Proposal
    /// The history for penalties, up to the last committed token.
    let committed: TokenHistory
    private var history: TokenHistory
    /// The index that the sampler's current distribution belongs to.
    private var prepared: Int?

    init(
        pass: PassResult, sampler: Sampler, options: SamplingOptions, kind: Sampler.Draw, firstLogits: Int,
        position: Int, draft: Proposal, history: TokenHistory
    ) {
        self.pass = pass
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

    /// Sets the history for an index: the committed tokens and the drafted ones before it.
    private mutating func see(_ index: Int) {
        guard options.hasPenalties else { return }
        history = committed
        var above = index - 1
        while above >= 0 {
            history.append(draft.tokens[above])
            above = draft.parents[above]
        }
    }

    /// Where an index's logits are in the pass. Rows behind the draft's belong to other sequences, of other clients
    /// perhaps.
    private func logits(_ index: Int) -> Int {
        precondition((0...draft.tokens.count).contains(index), "index \(index) of a draft of \(draft.tokens.count)")
        return firstLogits + index
    }

    private func position(_ index: Int) -> Int { position + (index == 0 ? 0 : draft.depth(of: index - 1)) }

    private mutating func prepare(_ index: Int) throws(NonFiniteLogits) {
        guard prepared != index else { return }
        see(index)
        try sampler.prepare(pass.logits(logits(index)), options, history: history)
        prepared = index
    }

    mutating func draw(at index: Int) throws(NonFiniteLogits) -> Int32 {
        if options.takesLikeliest {
            guard let token = pass.likeliest(logits(index)) else { throw NonFiniteLogits() }
            return token
        }
        see(index)
        prepared = nil
        return try sampler.sample(
            pass.logits(logits(index)), options, history: history, position: position(index), draw: kind)
    }

    mutating func probability(of token: Int32, at index: Int) throws(NonFiniteLogits) -> Double {
        try prepare(index)
        return sampler.probability(of: token)
    }

    mutating func excess(
        of weight: Double, over distribution: Proposal.Distribution, at index: Int
    ) throws(NonFiniteLogits) -> Double {
        try prepare(index)
        var common = 0.0
        distribution.forEach { [sampler] token, q in common += min(weight * sampler.probability(of: token), q) }
        return max(0, weight - common)
    }

    mutating func drawExcess(
        of weight: Double, over distribution: Proposal.Distribution, at index: Int
    ) throws(NonFiniteLogits) -> Int32 {
        try prepare(index)
        prepared = nil
        sampler.subtract(distribution.forEach, from: weight)
        return sampler.draw(.inverse, random, position: position(index), stream: .residual)
    }

    func happens(_ probability: Double, at index: Int) -> Bool {
        random.uniform(position: position(index), stream: .acceptance(round: position)) < probability
    }
}
