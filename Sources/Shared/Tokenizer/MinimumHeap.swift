/// A binary heap of integers, the least first. O(log n) per change.
struct MinimumHeap {
    private var items: [Int32] = []

    var isEmpty: Bool { items.isEmpty }
    var least: Int32? { items.first }

    mutating func insert(_ item: Int32) {
        items.append(item)
        var child = items.count - 1
        while child > 0, items[child] < items[(child - 1) / 2] {
            items.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// Requires an item.
    mutating func removeLeast() -> Int32 {
        let least = items[0]
        let last = items.removeLast()
        guard !items.isEmpty else { return least }
        items[0] = last
        var parent = 0
        while true {
            var smallest = parent
            for child in (2 * parent + 1)...(2 * parent + 2)
            where child < items.count && items[child] < items[smallest] {
                smallest = child
            }
            guard smallest != parent else { return least }
            items.swapAt(parent, smallest)
            parent = smallest
        }
    }
}
