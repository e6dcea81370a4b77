import SpeculateDrafter
import SpeculateShared

/// Earlier text: what followed the sequence's last tokens the last time. Looking costs nothing, so it is judged every
/// round, whether its find was drafted or not.
final class LookupCandidate: DraftCandidate {
    private static let longest = 32

    private let lookup = PromptLookupDrafter()
    private let costs: CostTable
    private let experience: LookupExperience
    private var found = Proposal()
    /// What the find is judged as; nil where there is none, or it has been judged.
    private var place: Int?
    /// Whether another drafter's tree began with the find as well; nil where it was not compared.
    private var isAlsoDrafted: Bool?

    init(costs: CostTable, experience: LookupExperience) {
        self.costs = costs
        self.experience = experience
    }

    var drafter: any Drafter { lookup }

    /// The tokens that came tell how the find would have fared, or has.
    func commit(_ tokens: ArraySlice<Int32>) {
        if let place {
            for (depth, (guess, token)) in zip(found.tokens, tokens).enumerated() {
                experience[place].add(guess == token, depth: depth, isAlsoDrafted: isAlsoDrafted)
                if guess != token { break }
            }
        }
        (place, isAlsoDrafted) = (nil, nil)
        lookup.commit(tokens)
    }

    func look(_ outlook: inout RoundOutlook) {
        lookup.propose(maximum: min(outlook.maximum, Self.longest), beside: .none, into: &found)
        place = lookup.matched
        outlook.repetition = place
    }

    func offer(_ outlook: RoundOutlook) -> DraftOffer? {
        let (depth, rate) = worth(outlook)
        return depth > 0 ? DraftOffer(rate: rate, depth: depth) : nil
    }

    func rate(of offer: DraftOffer, _ outlook: RoundOutlook) -> Double { worth(outlook).rate }

    /// How many of the tokens found to draft, and the tokens per second that they promise.
    private func worth(_ outlook: RoundOutlook) -> (depth: Int, rate: Double) {
        guard let place = outlook.repetition else { return (0, 0) }
        let known = experience[place]
        var best = (depth: 0, rate: 0.0)
        var (reached, tokens) = (known.first.value, 1.0)
        for depth in 1...found.tokens.count {
            tokens += reached
            let rate = (outlook.load.tokens + tokens) / costs.verify(rows: depth + 1, beside: outlook.load)
            if rate > best.rate { best = (depth, rate) }
            reached *= known.next.value
        }
        return best
    }

    func yields() -> Bool { place.map { experience[$0].pause.countDown() } ?? false }

    func draft(_ offer: DraftOffer, _ builder: DraftBuilder, into proposal: inout Proposal) {
        for token in found.tokens.prefix(offer.depth) { proposal.append(token) }
    }

    func join(_ tree: inout Proposal, _ builder: DraftBuilder) {
        guard let place else { return }
        isAlsoDrafted = builder.graft(found.tokens, experience[place], onto: &tree, own: tree.tokens.count)
    }

    /// It has been judged already, by the tokens that came.
    func learn(_ draft: ChosenDraft, _ proposal: Proposal, accepted: [Int], times: RoundTimes?) {}

    /// Whether the other promises more now, where there was something to find too.
    func compare(with other: any DraftCandidate, _ draft: ChosenDraft) {
        guard let place = draft.outlook.repetition else { return }
        let promised = other.rate(of: draft.offer, draft.outlook)
        experience[place].pause.tried(pays: promised > worth(draft.outlook).rate)
    }
}
