import SpeculateShared

/// The rates at which tokens become others: R = 3 (P − 1), a move P leading to one of a token's neighbours, or in one
/// case of ten to any token. Neighbours are mutual, so that P is symmetric and all tokens are equally likely in the
/// end; who has too few is its own.
package struct NeighbourRates: Sendable {
    package typealias Lanes = TokenLanes.Lanes

    /// Moves per unit of the noise level, and how many of them lead to any token, as in training.
    private static let (pace, jumps) = (3.0, 0.1)

    package let count: Int
    private let each: Int
    /// Neighbours of token i at `i * each..<(i + 1) * each`.
    private let neighbours: [Int32]

    /// - Parameter lists: [count, K] neighbours in `0..<count`, without a `problem`.
    package init(_ lists: [Int32], count: Int) {
        self.count = count
        each = lists.count / count
        neighbours = lists
    }

    /// Why lists [count, K] are none of mutual neighbours; nil if they are.
    package static func problem(_ lists: [Int32], count: Int) -> String? {
        let each = lists.count / count
        func row(_ token: Int) -> ArraySlice<Int32> { lists[token * each..<(token + 1) * each] }
        for token in 0..<count {
            let others = row(token).filter { $0 != Int32(token) }
            let listed = "lists \(row(token).map { Int($0) }) for token \(token), expected "
            guard Set(others).count == others.count else { return listed + "no other token twice" }
            if let one = others.first(where: { !row(Int($0)).contains(Int32(token)) }) {
                return listed + "\(one) to list \(token), too"
            }
        }
        return nil
    }

    /// Replaces vectors [count] by e^(level · R) times them, for a level of 0 or more. Walks and jumps commute: what
    /// was moved to any token is even, and the rest is what walks between neighbours made of it.
    package func spread(_ vectors: UnsafeMutableBufferPointer<Lanes>, level: Double) {
        let even = vectors.reduce(SIMD8<Double>.zero) { $0 + SIMD8<Double>($1) } / Double(count)
        let kept = exp(-Self.pace * Self.jumps * level)
        if level.isFinite {
            let mean = Self.pace * (1 - Self.jumps) * level
            // e^−300 is still a number.
            let times = max(1, (mean / 300).rounded(.up))
            for _ in 0..<Int(times) { walk(vectors, mean: mean / times) }
        }
        let anywhere = Lanes((1 - kept) * even)
        for token in 0..<count { vectors[token] = Float(kept) * vectors[token] + anywhere }
    }

    /// The vectors times Wⁿ, W a step to a neighbour, the mean over Poisson numbers n (uniformisation): a sum of
    /// positive numbers only. O(mean · K · count).
    private func walk(_ vectors: UnsafeMutableBufferPointer<Lanes>, mean: Double) {
        // Without bounds checks: nearly all of a pass's time is spent here.
        withUnsafeTemporaryAllocation(of: Lanes.self, capacity: 2 * count) { memory in
            var power = UnsafeMutableBufferPointer(rebasing: memory[..<count])
            var next = UnsafeMutableBufferPointer(rebasing: memory[count...])
            _ = power.initialize(from: vectors)
            next.initialize(repeating: .zero)
            var probability = exp(-mean)
            for token in 0..<count { vectors[token] *= Float(probability) }
            var number = 0.0
            while number < mean || probability > 1e-12 {
                step(power, next)
                swap(&power, &next)
                number += 1
                probability *= mean / number
                let weight = Float(probability)
                for token in 0..<count { vectors[token] += weight * power[token] }
            }
        }
    }

    /// after = W · before
    private func step(_ before: UnsafeMutableBufferPointer<Lanes>, _ after: UnsafeMutableBufferPointer<Lanes>) {
        let share = 1 / Float(each)
        neighbours.withUnsafeBufferPointer { neighbours in
            for token in 0..<count {
                var sum = Lanes.zero
                for place in token * each..<(token + 1) * each { sum += before[Int(neighbours[place])] }
                after[token] = share * sum
            }
        }
    }
}
