/// Finds where the end of a text has occurred before, however long it is: the suffix automaton of one text or of several
/// (Blumer et al. 1985; Mohri et al. 2009). A state stands for substrings that end at the same places; its link leads to
/// the longest of their suffixes that ends at others too. O(1) amortised per token, at most 2 states and 3 edges.
package struct SuffixAutomaton {
    /// A place in the automaton: the longest suffix of what was followed that occurs in the text.
    package struct Match: Equatable {
        var state: Int32
        /// Tokens of that suffix.
        package var length: Int32

        package static let none = Match(state: 0, length: 0)
    }

    private struct State {
        /// Tokens of the longest substring.
        var length: Int32
        /// −1 at the root.
        var link: Int32
        /// The index behind its latest occurrence, of those that have been marked.
        var end: Int32
        /// The first of its edges; −1 for none.
        var edges: Int32 = -1
    }

    private struct Edge {
        var state: Int32
        var token: Int32
        var target: Int32
        /// The next one of its state; −1 at the end.
        var next: Int32
    }

    /// Between texts.
    package static let gap: Int32 = -1
    /// Substrings that are marked as having occurred again, from the longest on.
    private static let marked = 16

    private var states = [State(length: 0, link: -1, end: 0)]
    private var edges: [Edge] = []
    /// Edges by state and token: open addressing, −1 where there is none.
    private var slots = [Int32](repeating: -1, count: 64)
    /// All texts, with gaps between them.
    package private(set) var text: [Int32] = []
    private var last: Int32 = 0

    package init() {}

    /// Tokens, and gaps between texts.
    package var count: Int { text.count }

    package var bytes: Int {
        states.count * MemoryLayout<State>.stride + edges.count * MemoryLayout<Edge>.stride
            + (slots.count + text.count) * MemoryLayout<Int32>.stride
    }

    /// Where the text ends.
    package var end: Match { Match(state: last, length: states[Int(last)].length) }

    /// Tokens at the text's end that occur elsewhere in it too.
    package var repeated: Int {
        let link = states[Int(last)].link
        return link < 0 ? 0 : Int(states[Int(link)].length)
    }

    /// What is appended next is another text.
    package mutating func begin() {
        guard !text.isEmpty else { return }
        text.append(Self.gap)
        last = 0
    }

    package mutating func append(_ token: Int32) {
        markLast()
        text.append(token)
        let before = last
        if let known = edge(before, token) {  // Another text went this way.
            last = joined(known, from: before, token)
            return
        }
        let new = Int32(states.count)
        states.append(State(length: states[Int(before)].length + 1, link: 0, end: Int32(text.count)))
        var place = before
        while place >= 0, edge(place, token) == nil {
            add(Edge(state: place, token: token, target: new, next: states[Int(place)].edges))
            place = states[Int(place)].link
        }
        if place >= 0, let known = edge(place, token) { states[Int(new)].link = joined(known, from: place, token) }
        last = new
    }

    /// The state that stands for `place`'s longest substring and the token: the edge's target, or a part split from it.
    private mutating func joined(_ edge: Int, from place: Int32, _ token: Int32) -> Int32 {
        let target = edges[edge].target
        let length = states[Int(place)].length + 1
        guard states[Int(target)].length != length else { return target }
        let part = Int32(states.count)
        var state = states[Int(target)]
        var next = state.edges
        (state.length, state.edges) = (length, -1)
        states.append(state)
        while next >= 0 {
            let copied = edges[Int(next)]
            add(Edge(state: part, token: copied.token, target: copied.target, next: states[Int(part)].edges))
            next = copied.next
        }
        states[Int(target)].link = part
        var place = place
        while place >= 0, let other = self.edge(place, token), edges[other].target == target {
            edges[other].target = part
            place = states[Int(place)].link
        }
        return part
    }

    /// Now that a token follows, the text's end is an occurrence of its suffixes that is worth finding.
    private mutating func markLast() {
        var state = last
        for _ in 0..<Self.marked where state > 0 {
            states[Int(state)].end = Int32(text.count)
            state = states[Int(state)].link
        }
    }

    /// Follows a token.
    package func advance(_ match: Match, _ token: Int32) -> Match {
        var (state, length) = (match.state, match.length)
        while true {
            if let found = edge(state, token) { return Match(state: edges[found].target, length: length + 1) }
            state = states[Int(state)].link
            guard state >= 0 else { return .none }
            length = min(length, states[Int(state)].length)
        }
    }

    /// Calls `body` with tokens that followed suffixes of a match, each once, that of the longest first.
    /// - Parameter body: gets the token, the suffix's length, and whether nothing else has followed it; returns whether to
    ///   go on.
    package func forEachFollower(of match: Match, _ body: (_ token: Int32, _ length: Int, _ isOnly: Bool) -> Bool) {
        var (state, length) = (match.state, match.length)
        while state > 0 {
            let found = states[Int(state)]
            length = min(length, found.length)
            if found.end < text.count, text[Int(found.end)] != Self.gap {
                let isOnly = found.edges >= 0 && edges[Int(found.edges)].next < 0
                guard body(text[Int(found.end)], Int(length), isOnly) else { return }
            }
            state = found.link
        }
    }

    // MARK: Edges

    private func slot(_ state: Int32, _ token: Int32) -> Int {
        let key = UInt64(UInt32(bitPattern: state)) << 32 | UInt64(UInt32(bitPattern: token))
        let bits = slots.count.trailingZeroBitCount
        return Int(((key ^ key >> 29) &* 0x9e37_79b9_7f4a_7c15) >> UInt64(64 - bits))
    }

    private func edge(_ state: Int32, _ token: Int32) -> Int? {
        var place = slot(state, token)
        while slots[place] >= 0 {
            let found = Int(slots[place])
            if edges[found].state == state, edges[found].token == token { return found }
            place = (place + 1) & (slots.count - 1)
        }
        return nil
    }

    private mutating func add(_ edge: Edge) {
        if 2 * (edges.count + 1) > slots.count {
            slots = [Int32](repeating: -1, count: 2 * slots.count)
            for index in edges.indices { enter(index) }
        }
        edges.append(edge)
        enter(edges.count - 1)
        states[Int(edge.state)].edges = Int32(edges.count - 1)
    }

    private mutating func enter(_ index: Int) {
        var place = slot(edges[index].state, edges[index].token)
        while slots[place] >= 0 { place = (place + 1) & (slots.count - 1) }
        slots[place] = Int32(index)
    }
}
