/// What the verifier last held likely after a token, or after two: token recycling (Luo et al. 2024). A later pair of tokens
/// may take the place of an earlier one.
package struct FollowerTable {
    /// Followers that are kept, at most.
    package static let width = 8
    private static let none: UInt64 = .max

    /// The rows that are used, for a file.
    package struct Rows {
        package var keys: [UInt64] = []
        /// [keys, width] as in the table.
        package var followers: [Int32] = []

        package init() {}

        /// Adds rows of keys that it lacks.
        mutating func add(_ other: Rows) {
            let known = Set(keys)
            for (index, key) in other.keys.enumerated() where !known.contains(key) {
                keys.append(key)
                followers += other.followers[index * width..<(index + 1) * width]
            }
        }
    }

    private var keys: [UInt64]  // [rows]
    private var followers: [Int32]  // [rows, width] the likeliest first, −1 at the end

    /// - Parameters:
    ///   - rows: at least as many as there are tokens, for a table by single ones.
    ///   - saved: what it begins with.
    package init(rows: Int, saved: Rows = Rows()) {
        keys = Array(repeating: Self.none, count: rows)
        followers = Array(repeating: -1, count: rows * Self.width)
        for (index, key) in saved.keys.enumerated() {
            let row = row(key)
            keys[row] = key
            for place in 0..<Self.width {
                followers[row * Self.width + place] = saved.followers[index * Self.width + place]
            }
        }
    }

    package var bytes: Int { keys.count * (MemoryLayout<UInt64>.stride + Self.width * MemoryLayout<Int32>.stride) }

    package static func key(_ token: Int32) -> UInt64 { UInt64(UInt32(bitPattern: token)) }

    package static func key(_ before: Int32, _ token: Int32) -> UInt64 { key(before) << 32 | key(token) }

    private func row(_ key: UInt64) -> Int {
        let count = UInt64(keys.count)
        return Int(key < count ? key : ((key &* 0x9e37_79b9_7f4a_7c15) >> 20) % count)
    }

    package var saved: Rows {
        var saved = Rows()
        for (row, key) in keys.enumerated() where key != Self.none {
            saved.keys.append(key)
            saved.followers += followers[row * Self.width..<(row + 1) * Self.width]
        }
        return saved
    }

    /// The likeliest first.
    package func after(_ key: UInt64) -> ArraySlice<Int32> {
        let row = row(key)
        guard keys[row] == key else { return [] }
        return followers[row * Self.width..<(row + 1) * Self.width].prefix { $0 >= 0 }
    }

    /// What the verifier says now comes before what it said earlier.
    package mutating func record(_ likeliest: [Int32], after key: UInt64) {
        var all = Array(likeliest.prefix(Self.width))
        for earlier in after(key) where all.count < Self.width && !all.contains(earlier) { all.append(earlier) }
        let row = row(key)
        keys[row] = key
        for index in 0..<Self.width { followers[row * Self.width + index] = index < all.count ? all[index] : -1 }
    }
}
