/// A binary min-heap of merges that could be made next, ordered by rank, then from left to right.
struct CandidateHeap {
    struct Candidate {
        var rank: Int32
        var left: Int
        var leftToken: Int32
        var rightToken: Int32
        var token: Int32

        func precedes(_ other: Candidate) -> Bool { (rank, left) < (other.rank, other.left) }
    }

    private var items: [Candidate] = []

    mutating func removeAll() { items.removeAll(keepingCapacity: true) }

    mutating func push(_ candidate: Candidate) {
        items.append(candidate)
        var child = items.count - 1
        while child > 0, items[child].precedes(items[(child - 1) / 2]) {
            items.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func pop() -> Candidate? {
        guard let top = items.first else { return nil }
        let last = items.removeLast()
        guard !items.isEmpty else { return top }
        items[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in (2 * parent + 1)...(2 * parent + 2)
            where child < items.count && items[child].precedes(items[least]) {
                least = child
            }
            guard least != parent else { return top }
            items.swapAt(parent, least)
            parent = least
        }
    }
}
