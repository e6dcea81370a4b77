/// Candidate merges, lowest rank first, left to right within a rank. There are far fewer ranks than positions: each
/// rank has a list of its positions and only ranks are in the heap, so that a long run of one character costs no more
/// per byte than other text.
struct MergeQueue {
    /// The positions of one rank. Most arrive in order before the first is taken; those that come later and belong
    /// before others are kept apart, so that no order of arrival sorts the list more than once.
    private struct Places {
        var all: [Int32] = []
        var next = 0
        var isSorted = true
        var late = MinimumHeap()

        var isEmpty: Bool { next == all.count && late.isEmpty }

        mutating func append(_ left: Int32) {
            guard let last = all.last, left < last else { return all.append(left) }
            if next == 0 {
                isSorted = false
                all.append(left)
            } else {
                late.insert(left)
            }
        }

        mutating func removeFirst() -> Int32 {
            if !isSorted {
                all.sort()
                isSorted = true
            }
            defer {
                if isEmpty {
                    all.removeAll(keepingCapacity: true)
                    next = 0
                }
            }
            if let least = late.least, next == all.count || least < all[next] { return late.removeLeast() }
            next += 1
            return all[next - 1]
        }
    }

    /// For each rank, the index of its list; −1 for none.
    private var numbers: [Int32]
    private var lists: [Places] = []
    /// Ranks with a non-empty list.
    private var waiting = MinimumHeap()

    /// - Parameter ranks: the number of ranks.
    init(ranks: Int) { numbers = [Int32](repeating: -1, count: ranks) }

    mutating func push(rank: Int32, left: Int) {
        var number = Int(numbers[Int(rank)])
        if number < 0 {
            number = lists.count
            numbers[Int(rank)] = Int32(number)
            lists.append(Places())
        }
        if lists[number].isEmpty { waiting.insert(rank) }
        lists[number].append(Int32(left))
    }

    /// The next merge; nil if none are left.
    mutating func pop() -> (rank: Int32, left: Int)? {
        guard let rank = waiting.least else { return nil }
        let number = Int(numbers[Int(rank)])
        let left = Int(lists[number].removeFirst())
        if lists[number].isEmpty { _ = waiting.removeLeast() }
        return (rank, left)
    }
}
