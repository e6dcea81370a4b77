import SpeculateDrafter

/// Puts what several drafters offer into one draft, as far as it pays. A token is worth its row while the probability that
/// it and all before it are right exceeds what the longer pass costs, in tokens that could be made in that time.
struct DraftBuilder {
    let outlook: RoundOutlook
    /// Tokens per second that the round is to bring at least: what the best offer promises.
    let rate: Double
    let costs: CostTable

    var maximum: Int { outlook.maximum }

    /// The least probability that makes the draft's token number `index` worth its row.
    func threshold(_ index: Int) -> Float {
        Float(rate * costs.marginal(rows: index + 1, beside: outlook.load))
    }

    /// Cuts a chain before the first token that is not worth its row.
    /// - Parameter calibration: what the confidence at each depth is multiplied with.
    func cut(_ chain: inout Proposal, calibration: [Float]) {
        var reached: Float = 1
        for index in chain.tokens.indices {
            reached *= min(1, chain.confidences[index] * calibration[index])
            if reached < threshold(index) { return chain.cut(to: index) }
        }
    }

    /// Adds tokens found in text to another drafter's tree, as far as they are worth their rows.
    /// - Parameters:
    ///   - found: a tree.
    ///   - beside: what a token's probability is multiplied with where the drafter thought of others alone.
    func graft(_ found: Proposal, onto tree: inout Proposal, beside: Double) {
        let own = tree.tokens.count
        var places = Array(repeating: 0, count: found.tokens.count)
        var reached: [Float] = []
        for (index, token) in found.tokens.enumerated() {
            let above = found.parents[index]
            let parent = above < 0 ? -1 : places[above]
            guard above < 0 || parent >= 0 else {  // Not worth its row, nor is what follows it.
                places[index] = -1
                reached.append(0)
                continue
            }
            let conditional = found.confidences[index] / (above < 0 ? 1 : found.confidences[above])
            var probability = conditional * (above < 0 ? 1 : reached[above])
            if let child = tree.child(of: parent, token) {
                places[index] = child
                probability = max(probability, tree.confidences[child])
            } else {
                if parent < own { probability *= Float(beside) }
                places[index] = -1
                if tree.tokens.count < maximum, probability >= threshold(tree.tokens.count) {
                    tree.append(token, after: parent, probability: probability)
                    places[index] = tree.tokens.count - 1
                }
            }
            reached.append(probability)
        }
    }

    /// Leaves the first tokens of a tree that promise the most beyond what their rows take. Growing asks whether a token is
    /// worth its row where more follow it; some numbers of rows take longer than that.
    func trim(_ tree: inout Proposal) {
        var best = (count: 0, gain: 0.0)
        var tokens = 0.0
        let plain = costs.verify(rows: 1, beside: outlook.load)
        for (index, confidence) in tree.confidences.enumerated() {
            tokens += Double(confidence)
            let gain = tokens - rate * (costs.verify(rows: index + 2, beside: outlook.load) - plain)
            if gain > best.gain { best = (index + 1, gain) }
        }
        tree.cut(to: best.count)
    }
}
