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

    /// Makes tokens found in earlier text a branch of a tree, as far as they are worth their rows.
    /// - Parameters:
    ///   - known: what such text is worth.
    ///   - own: how many of the tree's tokens are its drafter's.
    /// - Returns: whether the drafter had the first of the tokens too.
    func graft(
        _ tokens: [Int32], _ known: LookupExperience.Found, onto tree: inout Proposal, own: Int
    ) -> Bool? {
        var (parent, reached) = (-1, 1.0)
        var isDrafted: Bool?
        for (depth, token) in tokens.enumerated() {
            let child = tree.child(of: parent, token)
            if depth == 0 {
                isDrafted = child != nil
                reached *= (child != nil ? known.agreed : known.beside).value
            } else {
                reached *= known.next.value
                if child == nil, parent < own { reached *= min(1, known.beside.value / known.first.value) }
            }
            if let child {
                reached = max(reached, Double(tree.confidences[child]))
                parent = child
            } else {
                guard tree.tokens.count < maximum, Float(reached) >= threshold(tree.tokens.count) else { break }
                tree.append(token, after: parent, probability: Float(reached))
                parent = tree.tokens.count - 1
            }
        }
        return isDrafted
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
