import SpeculateShared

/// Drafts what text says may follow, without a model: what followed the sequence's end earlier in it (prompt lookup, with a
/// suffix automaton as in SAM decoding, Hu et al. 2024), what followed it in what the engine remembers, and what the verifier
/// held likely after a token (token recycling, Luo et al. 2024). Microseconds per token.
package final class TextDrafter: Drafter {
    /// A token that may follow a node.
    private struct Follower {
        let token: Int32
        var evidence: TextEvidence
        /// That it follows the node.
        var probability = 0.0
        /// Its own node, if it was drafted.
        var node: Int?
    }

    /// The end of the sequence, or a drafted token.
    private struct Node {
        let token: Int32
        /// The one before it; −1 if there is none.
        let before: Int32
        /// Its place in the proposal; −1 for the end of the sequence.
        let place: Int
        /// That it and all before it are right.
        let reached: Double
        let own: SuffixAutomaton.Match
        /// One in each of the `automata`.
        let remembered: [SuffixAutomaton.Match]
        var followers: [Follower] = []
    }

    private static let longest = 64

    private let odds: FollowerOdds
    private let memory: TextMemory
    /// What is nobody's, and drafted from as well.
    private let common: TextMemory?
    private var own = SuffixAutomaton()
    private var remembered: [SuffixAutomaton.Match] = []
    private var generation = 0
    private var tail: [Int32] = []
    /// What was drafted from the sequence's end on, and what else was thought of; judged by the tokens that come.
    private var nodes: [Node] = []

    /// - Parameters:
    ///   - memory: also learns what passes say.
    ///   - common: read alone.
    package init(odds: FollowerOdds, memory: TextMemory, common: TextMemory? = nil) {
        self.odds = odds
        self.memory = memory
        self.common = common
    }

    /// All that is remembered, which changes between passes alone.
    private var automata: [SuffixAutomaton] { memory.halves + (common?.halves ?? []) }

    /// How often a place in one of them has become void.
    private var voided: Int { memory.generation + (common?.generation ?? 0) }

    /// Tokens at the sequence's end that have occurred in it before.
    package var repeated: Int { own.repeated }

    /// Of each token of the last draft, how probable it is that it and all before it are right.
    package var reached: [Double] { nodes.dropFirst().map(\.reached) }

    package func begin(_ prompt: [Int32]) {
        own = SuffixAutomaton()
        tail.removeAll()
        nodes.removeAll()
        remembered.removeAll()
        commit(prompt[...])
    }

    package func commit(_ tokens: ArraySlice<Int32>) {
        judge(tokens)
        for token in tokens { own.append(token) }
        tail = Array((tail + tokens.suffix(Self.longest)).suffix(Self.longest))
        // Of a long prompt the end suffices.
        let isLong = tokens.count > Self.longest
        let automata = automata
        if isLong || isVoid(automata) {
            find(automata)
        } else {
            for (index, automaton) in automata.enumerated() {
                for token in tokens { remembered[index] = automaton.advance(remembered[index], token) }
            }
        }
    }

    /// Whether some of what was found is no longer there: another sequence may have been remembered meanwhile.
    private func isVoid(_ automata: [SuffixAutomaton]) -> Bool {
        generation != voided || remembered.count != automata.count
    }

    /// Finds the sequence's end in the memory anew.
    private func find(_ automata: [SuffixAutomaton]) {
        generation = voided
        remembered = automata.map { automaton in
            tail.reduce(.none) { automaton.advance($0, $1) }
        }
    }

    package func observe(_ pass: PassResult, rows tokens: [Int32], parents: [Int], firstLogits: Int) {
        let before = tail.dropLast().last
        for (index, token) in tokens.enumerated() {
            let likeliest = pass.likeliest(firstLogits + index, count: FollowerTable.width)
            memory.followers.record(likeliest, after: FollowerTable.key(token))
            guard let before = index == 0 ? before : tokens[parents[index]] else { continue }
            memory.pairFollowers.record(likeliest, after: FollowerTable.key(before, token))
        }
    }

    /// The likeliest chain, as long as anything is known to follow.
    package func propose(maximum: Int, beside load: PassLoad, into proposal: inout Proposal) {
        proposal.removeAll()
        grow(maximum: maximum, isTree: false, into: &proposal) { _ in 0 }
    }

    /// Drafts tokens in the order of how probable they are, while they are at least as probable as `threshold` says of the
    /// next one's index. Calls with other thresholds find the same tokens, more or fewer of them.
    package func grow(
        maximum: Int, isTree: Bool, into proposal: inout Proposal, threshold: (Int) -> Double
    ) {
        nodes.removeAll(keepingCapacity: true)
        guard let last = tail.last else { return }
        let automata = automata
        if isVoid(automata) { find(automata) }
        nodes.append(
            Node(
                token: last, before: tail.dropLast().last ?? -1, place: -1, reached: 1, own: own.end,
                remembered: remembered))
        var open: [(reached: Double, node: Int, follower: Int)] = []
        var next = 0
        while proposal.tokens.count < maximum {
            let least = threshold(proposal.tokens.count)
            expand(next, automata)
            for (index, follower) in nodes[next].followers.enumerated() where isTree || index == 0 {
                let reached = nodes[next].reached * follower.probability
                if reached >= least { open.append((reached, next, index)) }
            }
            guard let best = open.indices.max(by: { open[$0].reached < open[$1].reached }), open[best].reached >= least
            else { return }
            let (reached, parent, follower) = open.remove(at: best)
            next = nodes.count
            nodes[parent].followers[follower].node = next
            let token = nodes[parent].followers[follower].token
            if isTree {
                proposal.append(token, after: nodes[parent].place, probability: Float(reached))
            } else {
                proposal.append(token, .point(token), confidence: Float(nodes[parent].followers[follower].probability))
            }
            nodes.append(
                Node(
                    token: token, before: nodes[parent].token, place: proposal.tokens.count - 1, reached: reached,
                    own: own.advance(nodes[parent].own, token),
                    remembered: zip(automata, nodes[parent].remembered).map { $0.advance($1, token) }))
        }
    }

    /// Looks for what may follow a node, the most probable first.
    private func expand(_ node: Int, _ automata: [SuffixAutomaton]) {
        var followers: [Follower] = []
        func add(_ token: Int32, _ evidence: TextEvidence) {
            if let known = followers.firstIndex(where: { $0.token == token }) {
                followers[known].evidence.add(evidence)
            } else {
                followers.append(Follower(token: token, evidence: evidence))
            }
        }
        func add(_ automaton: SuffixAutomaton, _ match: SuffixAutomaton.Match, isOwn: Bool) {
            var first: Int32?
            automaton.forEachFollower(of: match) { token, length, isOnly in
                if let first, first == token { return true }
                add(token, .text(length: length, isOnly: isOnly, isFirst: first == nil, isOwn: isOwn))
                defer { first = first ?? token }
                return first == nil
            }
        }
        add(own, nodes[node].own, isOwn: true)
        // The one that has more of it says it.
        let matches = zip(automata, nodes[node].remembered)
        if let (automaton, match) = matches.max(by: { $0.1.length < $1.1.length }) {
            add(automaton, match, isOwn: false)
        }
        let (before, last) = (nodes[node].before, nodes[node].token)
        // What the verifier said here, else what it said in general.
        func add(_ recent: ArraySlice<Int32>, or general: ArraySlice<Int32>?, isPair: Bool) {
            for (rank, token) in (recent.isEmpty ? general ?? [] : recent).enumerated() {
                add(token, .recycled(rank: rank, pair: isPair))
            }
        }
        let single = FollowerTable.key(last)
        add(memory.followers.after(single), or: common?.followers.after(single), isPair: false)
        let pair = FollowerTable.key(before, last)
        add(memory.pairFollowers.after(pair), or: common?.pairFollowers.after(pair), isPair: true)
        var total = 0.0
        for index in followers.indices {
            followers[index].probability = odds.probability(followers[index].evidence)
            total += followers[index].probability
        }
        if total > 1 { for index in followers.indices { followers[index].probability /= total } }
        nodes[node].followers = followers.sorted { $0.probability > $1.probability }
    }

    /// Learns from what did follow.
    private func judge(_ tokens: ArraySlice<Int32>) {
        var node = 0
        for token in tokens where node < nodes.count {
            var next = nodes.count
            for follower in nodes[node].followers {
                odds.learn(follower.evidence, follows: follower.token == token)
                if follower.token == token { next = follower.node ?? nodes.count }
            }
            node = next
        }
        nodes.removeAll(keepingCapacity: true)
    }
}
