/// Keeps the heaviest of many weights and zeroes the others, in O(count) for any input: three rounds of counting by
/// leading bits find the cut-off weight. Where all weights are alike, sorting would take a hundred times as long.
struct HeaviestWeights {
    /// Bits examined per round. A non-negative float's bit pattern is monotonic in its value.
    private static let rounds: [UInt32] = [12, 12, 8]

    private var counts = [Int](repeating: 0, count: 4096)
    private var masses = [Double](repeating: 0, count: 4096)

    /// Keeps weights from the heaviest down, lower indices first among equals, until there are `limit` of them or their
    /// sum reaches `target`; at least one.
    mutating func keep(_ weights: inout [Float], limit: Int, target: Double) {
        var prefix: UInt32 = 0
        var below: UInt32 = 32  // Bits that the prefix leaves open.
        var (count, sum) = (0, 0.0)
        func isEnough(_ count: Int, _ sum: Double) -> Bool { count >= limit || count > 0 && sum >= target }
        for bits in Self.rounds {
            let shift = below - bits
            for bucket in 0..<1 << bits { (counts[bucket], masses[bucket]) = (0, 0) }
            for weight in weights where weight > 0 && weight.bitPattern >> below == prefix {
                let bucket = Int(weight.bitPattern >> shift & (1 << bits - 1))
                counts[bucket] += 1
                masses[bucket] += Double(weight)
            }
            var bucket = 1 << Int(bits) - 1
            while bucket > 0, !isEnough(count + counts[bucket], sum + masses[bucket]) {
                count += counts[bucket]
                sum += masses[bucket]
                bucket -= 1
            }
            prefix = prefix << bits | UInt32(bucket)
            below = shift
        }
        for place in weights.indices where weights[place].bitPattern <= prefix {
            if weights[place].bitPattern == prefix, weights[place] > 0, !isEnough(count, sum) {
                count += 1
                sum += Double(weights[place])
            } else {
                weights[place] = 0
            }
        }
    }
}
