import SpeculateDrafter
import SpeculateShared

/// What text says may follow: looking costs next to nothing, so it looks every round, and its finds join the trees of others.
final class TextCandidate: DraftCandidate {
    private let text: TextDrafter
    private let growsTrees: Bool
    private let costs: CostTable
    private let experience: TextExperience
    /// What was found for this round.
    private var found = Proposal()
    /// How much of the sequence's end has occurred before, for what is learnt of it.
    private var place = 0
    /// Tokens per second that it promised.
    private var promised = 0.0
    /// Whether another drafter's tree began with the likeliest token found as well; nil where there was none.
    private var isAlsoDrafted: Bool?

    /// - Parameter trees: whether the acceptance rule takes them.
    init(_ text: TextDrafter, trees: Bool, costs: CostTable, experience: TextExperience) {
        self.text = text
        growsTrees = trees
        self.costs = costs
        self.experience = experience
    }

    var drafter: any Drafter { text }

    func commit(_ tokens: ArraySlice<Int32>) {
        if let isAlsoDrafted, let guess = found.tokens.first, let token = tokens.first {
            experience.learn(claimed: text.reached[0], isRight: guess == token, isAlsoDrafted: isAlsoDrafted)
        }
        isAlsoDrafted = nil
        text.commit(tokens)
    }

    func look(_ outlook: inout RoundOutlook) {
        found.removeAll()
        let (load, plainRate) = (outlook.load, outlook.plainRate)
        text.grow(maximum: outlook.maximum, isTree: growsTrees, into: &found) { index in
            plainRate * costs.marginal(rows: index + 1, beside: load)
        }
        let length = text.repeated
        outlook.repetition = length < 2 ? nil : length < 4 ? length - 2 : length < 8 ? 2 : 3
        place = outlook.repetition.map { $0 + 1 } ?? 0
    }

    func offer(_ outlook: RoundOutlook) -> DraftOffer? {
        var best = (depth: 0, rate: 0.0)
        var tokens = 1.0
        for (index, reached) in text.reached.enumerated() {
            tokens += reached
            let rate = (outlook.load.tokens + tokens) / costs.verify(rows: index + 2, beside: outlook.load)
            if rate > best.rate { best = (index + 1, rate) }
        }
        promised = best.rate
        return best.depth > 0 ? DraftOffer(rate: best.rate, depth: best.depth) : nil
    }

    func rate(of offer: DraftOffer, _ outlook: RoundOutlook) -> Double { offer.rate }

    func yields() -> Bool { experience.pauses[place].countDown() }

    func draft(_ offer: DraftOffer, _ builder: DraftBuilder, into proposal: inout Proposal) {
        for index in 0..<offer.depth {
            let (token, confidence) = (found.tokens[index], found.confidences[index])
            if growsTrees {
                proposal.append(token, after: found.parents[index], probability: confidence)
            } else {
                proposal.append(token, .point(token), confidence: confidence)
            }
        }
    }

    func join(_ tree: inout Proposal, _ builder: DraftBuilder) {
        guard let first = found.tokens.first else { return }
        isAlsoDrafted = tree.child(of: -1, first) != nil
        builder.graft(found, onto: &tree, beside: experience.beside)
    }

    /// It has been judged already, by the tokens that came.
    func learn(_ draft: ChosenDraft, _ proposal: Proposal, accepted: [Int], times: RoundTimes?) {}

    /// Whether the other promises more now, where there was something to find too.
    func compare(with other: any DraftCandidate, _ draft: ChosenDraft) {
        guard promised > 0 else { return }
        experience.pauses[place].tried(pays: other.rate(of: draft.offer, draft.outlook) > promised)
    }
}
