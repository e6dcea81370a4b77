/// Token ids by their bytes: an open-addressing table over the vocabulary's own bytes. Keys are bytes, never `String`,
/// for which two canonically equivalent tokens would be one. Lookup is O(length).
struct TokenTable: Sendable {
    private let strings: ByteStrings
    private var slots: [Int32]
    private let mask: Int

    /// Where two tokens have the same bytes the first one counts.
    init(_ strings: ByteStrings) {
        self.strings = strings
        var capacity = 64
        while capacity < strings.count * 2 { capacity *= 2 }
        slots = [Int32](repeating: -1, count: capacity)
        mask = capacity - 1
        let mask = mask
        strings.bytes.withUnsafeBufferPointer { bytes in
            slots.withUnsafeMutableBufferPointer { slots in
                for id in 0..<strings.count {
                    let key = UnsafeBufferPointer(rebasing: bytes[strings.range(id)])
                    var slot = Self.hash(key) & mask
                    while slots[slot] >= 0, !Self.equal(bytes, strings.range(Int(slots[slot])), key) {
                        slot = (slot + 1) & mask
                    }
                    if slots[slot] < 0 { slots[slot] = Int32(id) }
                }
            }
        }
    }

    func id(of key: UnsafeBufferPointer<UInt8>) -> Int32? {
        strings.bytes.withUnsafeBufferPointer { bytes in
            slots.withUnsafeBufferPointer { slots in
                var slot = Self.hash(key) & mask
                while slots[slot] >= 0 {
                    if Self.equal(bytes, strings.range(Int(slots[slot])), key) { return slots[slot] }
                    slot = (slot + 1) & mask
                }
                return nil
            }
        }
    }

    @inline(__always)
    private static func hash(_ key: UnsafeBufferPointer<UInt8>) -> Int {
        let hash = FNV1a.hash(key)
        return Int(truncatingIfNeeded: hash ^ hash >> 29)
    }

    @inline(__always)
    private static func equal(
        _ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ key: UnsafeBufferPointer<UInt8>
    ) -> Bool {
        guard range.count == key.count else { return false }
        for index in 0..<key.count where bytes[range.lowerBound + index] != key[index] { return false }
        return true
    }
}
