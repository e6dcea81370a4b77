import SpeculateShared

/// Steps over lessons in random order, each lesson's blocks once before any comes again.
final class Trainer {
    /// Blocks of a step.
    private static let blocks = 128
    /// How often a slot is learnt against the one before: it is of use only when all before it are accepted.
    private static let decay = 0.75

    let network: HeadNetwork
    private let places: [(lesson: Lesson, anchor: Int)]
    private let random: CounterRandom
    private var order: [Int] = []
    private(set) var steps = 0
    private var draws = 0
    private var batch = HeadBatch()

    init(_ network: HeadNetwork, _ lessons: [Lesson], seed: UInt64) {
        self.network = network
        places = lessons.flatMap { lesson in lesson.anchors.indices.map { (lesson, $0) } }
        random = CounterRandom(seed: seed)
    }

    /// Steps that see every block once.
    var stepsPerEpoch: Int { max(places.count / Self.blocks, 1) }

    /// - Returns: false if a weight no longer fits the file's format, so that training is over.
    func step(rate: Float, mix: Mix = .standard) -> Bool {
        batch.removeAll()
        var count = 0
        func flush() {
            guard batch.rows > 0 else { return }
            _ = network.accumulate(batch, mix)
            count += batch.rows
            batch.removeAll()
        }
        for _ in 0..<Self.blocks {
            let (lesson, anchor) = places[next()]
            if batch.rows + lesson.drafts > network.maximumRows { flush() }
            let draw = uniform()
            lesson.append(anchor: anchor, to: &batch) { draw < pow(Self.decay, Double($0)) }
        }
        flush()
        steps += 1
        return network.step(number: steps, rate: rate, rows: count)
    }

    private func next() -> Int {
        if order.isEmpty {
            order = Array(places.indices)
            // Fisher and Yates.
            for place in order.indices.reversed() { order.swapAt(place, Int(uniform() * Double(place + 1))) }
        }
        return order.removeLast()
    }

    private func uniform() -> Double {
        draws += 1
        return random.uniform(position: draws, stream: .order)
    }
}
