import SpeculateShared

/// Steps over lessons in random order, each lesson's blocks once before any comes again.
final class Trainer {
    /// Blocks of a step.
    private static let blocks = 64
    /// What a slot of a block counts against the one before: it is of use only when all before it are accepted.
    private static let decay: Float = 0.75
    /// The longest step that the whole gradient may ask for.
    private static let greatestNorm = 1.0

    let network: HeadNetwork
    private let places: [(lesson: Lesson, anchor: Int)]
    private let random: CounterRandom
    private var order: [Int] = []
    private(set) var steps = 0
    /// Of the last step.
    private(set) var loss = 0.0
    private(set) var acceptance = 0.0
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
        let rows = network.maximumRows
        batch.removeAll()
        var (weight, losses, acceptances) = (0.0, 0.0, 0.0)
        func flush() {
            guard batch.rows > 0 else { return }
            let sums = network.accumulate(batch, mix)
            losses += sums.loss
            acceptances += sums.acceptance
            batch.removeAll()
        }
        for _ in 0..<Self.blocks {
            let (lesson, anchor) = places[next()]
            if batch.rows + lesson.drafts > rows { flush() }
            weight += Double(lesson.append(anchor: anchor, decay: Self.decay, to: &batch))
        }
        flush()
        loss = losses / weight
        acceptance = acceptances / weight
        steps += 1
        let norm = network.parameters.trained.reduce(0) { $0 + $1.squaredNorm }.squareRoot() / weight
        guard norm.isFinite else { return false }
        let scale = min(1, Self.greatestNorm / max(norm, 1e-12)) / weight
        return network.step(number: steps, rate: rate, scale: Float(scale))
    }

    private func next() -> Int {
        if order.isEmpty {
            order = Array(places.indices)
            // Fisher and Yates.
            for place in order.indices.reversed() {
                let draw = random.uniform(position: steps * 1_000_003 + place, stream: .order)
                order.swapAt(place, Int(draw * Double(place + 1)))
            }
        }
        return order.removeLast()
    }
}
