/// BPE merges as integer pairs (Sennrich et al. 2016): what two adjacent tokens become, and at which rank. Lookup is
/// O(1).
struct MergeTable: Sendable {
    struct Merge {
        var rank: Int32
        var token: Int32
        static let none = Merge(rank: .max, token: -1)
    }

    private var keys: [UInt64]
    private var merges: [Merge]
    private let shift: UInt64
    /// The most merges. Ranks are smaller.
    let count: Int
    /// Odd and random per run, so that nobody can craft a file whose pairs all hash to one slot.
    private let multiplier = UInt64.random(in: 0 ... .max) | 1

    init(count: Int) {
        self.count = count
        var bits = 6
        while 1 << bits < count * 2 { bits += 1 }
        keys = [UInt64](repeating: .max, count: 1 << bits)
        merges = [Merge](repeating: .none, count: 1 << bits)
        shift = UInt64(64 - bits)
    }

    /// Inserts a merge; the first one of a pair wins.
    mutating func insert(_ left: Int32, _ right: Int32, _ merge: Merge) {
        let key = Self.key(left, right)
        var slot = slot(of: key)
        while keys[slot] != .max {
            if keys[slot] == key { return }
            slot = (slot + 1) & (keys.count - 1)
        }
        keys[slot] = key
        merges[slot] = merge
    }

    @inline(__always)
    func merge(_ left: Int32, _ right: Int32) -> Merge {
        let key = Self.key(left, right)
        var slot = slot(of: key)
        return keys.withUnsafeBufferPointer { keys in
            while keys[slot] != key {
                if keys[slot] == .max { return .none }
                slot = (slot + 1) & (keys.count - 1)
            }
            return merges.withUnsafeBufferPointer { $0[slot] }
        }
    }

    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    private func slot(of key: UInt64) -> Int { Int((key &* multiplier) >> shift) }
}
