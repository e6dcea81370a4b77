/// Finds which of a set of texts is the longest at a place. The texts are sorted; each byte read halves its way to those
/// that go on with it. O(length of the longest · log of their number).
struct PrefixSearch: Sendable {
    private var texts = ByteStrings()
    private var ids: [Int32] = []
    /// For each first byte, the texts that begin with it.
    private var ranges = [Range<Int32>](repeating: 0..<0, count: 256)

    /// - Parameter ids: indices of non-empty texts. Of equal texts the first one counts.
    init(_ all: ByteStrings, _ ids: some Sequence<Int32>) {
        let sorted = ids.sorted {
            all[Int($0)].elementsEqual(all[Int($1)]) ? $0 < $1 : all[Int($0)].lexicographicallyPrecedes(all[Int($1)])
        }
        for id in sorted where texts.isEmpty || !texts[texts.count - 1].elementsEqual(all[Int(id)]) {
            let first = Int(all[Int(id)].first!)
            let place = Int32(texts.count)
            ranges[first] = (ranges[first].isEmpty ? place : ranges[first].lowerBound)..<place + 1
            texts.append(all[Int(id)])
            self.ids.append(id)
        }
    }

    var isEmpty: Bool { ids.isEmpty }

    /// The longest text at `index`; nil if there is none.
    func longest(in text: UnsafeBufferPointer<UInt8>, at index: Int) -> (id: Int32, length: Int)? {
        let first = ranges[Int(text[index])]
        guard !first.isEmpty else { return nil }
        var range = Int(first.lowerBound)..<Int(first.upperBound)
        var found: Int?
        var depth = 1
        while true {
            // All in the range share `depth` bytes; one that has no more is the first.
            if texts.range(range.lowerBound).count == depth {
                found = range.lowerBound
                range = range.lowerBound + 1..<range.upperBound
            }
            guard !range.isEmpty, index + depth < text.count else { break }
            let byte = text[index + depth]
            let lower = partition(range) { self.byte(at: depth, of: $0) >= byte }
            range = lower..<partition(lower..<range.upperBound) { self.byte(at: depth, of: $0) > byte }
            guard !range.isEmpty else { break }
            depth += 1
        }
        return found.map { (ids[$0], texts.range($0).count) }
    }

    private func byte(at depth: Int, of place: Int) -> UInt8 { texts.bytes[texts.range(place).lowerBound + depth] }

    /// The first place of the range that satisfies the condition, which holds for all after it; else the range's end.
    private func partition(_ range: Range<Int>, _ condition: (Int) -> Bool) -> Int {
        var (low, high) = (range.lowerBound, range.upperBound)
        while low < high {
            let middle = (low + high) / 2
            if condition(middle) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
