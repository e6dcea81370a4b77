/// Many byte strings in one allocation: a vocabulary of 50,000 tokens costs two arrays, not 50,000.
package struct ByteStrings: Equatable, Sendable, RandomAccessCollection {
    package private(set) var bytes: [UInt8] = []
    private var ends: [Int] = []

    package init() {}

    package init(_ strings: some Sequence<String>) {
        for string in strings { append(string.utf8) }
    }

    package mutating func reserveCapacity(_ count: Int) { ends.reserveCapacity(count) }

    package mutating func append(_ string: some Sequence<UInt8>) {
        bytes.append(contentsOf: string)
        ends.append(bytes.count)
    }

    package var startIndex: Int { 0 }
    package var endIndex: Int { ends.count }

    package func range(_ index: Int) -> Range<Int> { (index == 0 ? 0 : ends[index - 1])..<ends[index] }

    package subscript(index: Int) -> ArraySlice<UInt8> { bytes[range(index)] }

    /// FNV-1a over the strings and their lengths: the same bytes split differently hash differently.
    func hash(after start: UInt64? = nil) -> UInt64 {
        let lengths = indices.map { UInt64(range($0).count).littleEndian }
        let hash = bytes.withUnsafeBufferPointer { FNV1a.hash($0, after: start) }
        return lengths.withUnsafeBytes { FNV1a.hash($0.bindMemory(to: UInt8.self), after: hash) }
    }
}
