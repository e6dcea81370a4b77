import Speculate

/// Guesses that a token is followed by what followed it last: a drafter of a few lines, written outside the package.
///
/// A wrong guess costs a row of a pass and never a word: the verifier decides. O(1) per token.
final class FollowerDrafter: Drafter {
    private var followers: [Int32: Int32] = [:]
    private var last: Int32?

    func begin(_ prompt: [Int32]) {
        followers.removeAll(keepingCapacity: true)
        last = nil
        commit(prompt[...])
    }

    func commit(_ tokens: ArraySlice<Int32>) {
        for token in tokens {
            if let last { followers[last] = token }
            last = token
        }
    }

    func propose(maximum: Int, beside load: PassLoad, into proposal: inout Proposal) {
        // Deeper guesses are right too seldom to pay for their rows.
        let depth = min(maximum, load.rows > 8 ? 1 : 3)
        var token = last
        for _ in 0..<depth {
            guard let next = token.flatMap({ followers[$0] }) else { return }
            proposal.append(next)
            token = next
        }
    }
}
