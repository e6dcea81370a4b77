/// Token ids by their bytes: an open-addressing table over the vocabulary's own bytes. Keys are bytes, never `String`,
/// which would treat two canonically equivalent tokens as one. Lookup is O(length).
struct TokenTable: Sendable {
    private let strings: ByteStrings
    private var slots: [Int32]
    private let shift: UInt64
    /// As in `MergeTable`: the slots of tokens must be unpredictable.
    private let multiplier = UInt64.random(in: 0 ... .max) | 1

    /// If two tokens have the same bytes, the first one wins.
    /// - Parameter isIncluded: whether a token is to be found.
    init(_ strings: ByteStrings, where isIncluded: (Int) -> Bool = { _ in true }) {
        self.strings = strings
        var bits = 6
        while 1 << bits < strings.count * 2 { bits += 1 }
        slots = [Int32](repeating: -1, count: 1 << bits)
        shift = UInt64(64 - bits)
        let (shift, multiplier, mask) = (shift, multiplier, slots.count - 1)
        strings.bytes.withUnsafeBufferPointer { bytes in
            slots.withUnsafeMutableBufferPointer { slots in
                for id in 0..<strings.count where isIncluded(id) {
                    let key = UnsafeBufferPointer(rebasing: bytes[strings.range(id)])
                    var slot = Int((FNV1a.hash(key) &* multiplier) >> shift)
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
                var slot = Int((FNV1a.hash(key) &* multiplier) >> shift)
                while slots[slot] >= 0 {
                    if Self.equal(bytes, strings.range(Int(slots[slot])), key) { return slots[slot] }
                    slot = (slot + 1) & (slots.count - 1)
                }
                return nil
            }
        }
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
