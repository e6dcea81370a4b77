/// Merges that could be made next, lowest rank first, from left to right within one. There are far fewer ranks than
/// places: each rank has a list of its places, and only ranks stand in a heap, so that a long run of one character costs
/// no more a byte than other text.
struct MergeQueue {
    private struct Places {
        var all: [Int32] = []
        var next = 0
        var isSorted = true
    }

    /// For each rank, the number of its list; −1 for none.
    private var numbers: [Int32]
    private var lists: [Places] = []
    /// Ranks whose list is not used up: a binary min-heap.
    private var waiting: [Int32] = []

    /// - Parameter ranks: how many there are.
    init(ranks: Int) { numbers = [Int32](repeating: -1, count: ranks) }

    mutating func push(rank: Int32, left: Int) {
        var number = Int(numbers[Int(rank)])
        if number < 0 {
            number = lists.count
            numbers[Int(rank)] = Int32(number)
            lists.append(Places())
        }
        if lists[number].all.isEmpty { insert(rank) }
        if let last = lists[number].all.last, left < last { lists[number].isSorted = false }
        lists[number].all.append(Int32(left))
    }

    /// The next merge; empty once all are taken.
    mutating func pop() -> (rank: Int32, left: Int)? {
        guard let rank = waiting.first else { return nil }
        let number = Int(numbers[Int(rank)])
        if !lists[number].isSorted {
            lists[number].all[lists[number].next...].sort()
            lists[number].isSorted = true
        }
        let left = Int(lists[number].all[lists[number].next])
        lists[number].next += 1
        if lists[number].next == lists[number].all.count {
            lists[number].all.removeAll(keepingCapacity: true)
            lists[number].next = 0
            removeFirst()
        }
        return (rank, left)
    }

    private mutating func insert(_ rank: Int32) {
        waiting.append(rank)
        var child = waiting.count - 1
        while child > 0, waiting[child] < waiting[(child - 1) / 2] {
            waiting.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    private mutating func removeFirst() {
        let last = waiting.removeLast()
        guard !waiting.isEmpty else { return }
        waiting[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in (2 * parent + 1)...(2 * parent + 2)
            where child < waiting.count && waiting[child] < waiting[least] {
                least = child
            }
            guard least != parent else { return }
            waiting.swapAt(parent, least)
            parent = least
        }
    }
}
