import Speculate
import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier

/// Trains a drafter's Markov head or selector in short steps, beside the original to compare it with.
final class OnlineTrainer {
    /// Multiplications of a step, about: a tenth of a second on two slow cores.
    private static let operations = 1 << 30
    private static let mostRows = 128
    /// The greatest change of a weight by a step. More than `adapt` takes: steps are few. Less learns less of texts of one kind; where
    /// it is too much, the record tells.
    private static let rate: Float = 1e-3
    /// Steps before the rate is reached, since the first ones know little of the gradients' sizes.
    private static let warmUp = 10
    /// How often a slot is learnt against the one before: it is of use only when all before it are accepted.
    private static let decay = 0.75
    /// Texts that are learnt from again and again, the latest.
    private static let lessons = 64
    /// How often a block comes from the text that was learnt last.
    private static let shareOfLast = 0.25

    private let file: Checkpoint
    private let model: BlockDiffusionModel
    private let verifier: Verifier
    private let original: HeadNetwork
    private var network: HeadNetwork
    private var lessons: [Lesson] = []
    private var batch = HeadBatch()
    private let random: CounterRandom
    private var draws = 0
    /// Since it was the original.
    private(set) var steps = 0

    /// - Throws: `CheckpointError` if a file cannot be read.
    init(
        _ file: Checkpoint, _ model: BlockDiffusionModel, verifier: Verifier, verifierFile: Checkpoint
    ) throws(CheckpointError) {
        self.file = file
        self.model = model
        self.verifier = verifier
        random = CounterRandom(seed: 0)
        var parameters = try HeadParameters(file, model, verifier: verifierFile, trainsBody: false)
        network = Self.network(parameters, model, verifier)
        try parameters.readPairs(file, model, isTrained: false)
        original = Self.network(parameters, model, verifier)
    }

    private static func network(
        _ parameters: HeadParameters, _ model: BlockDiffusionModel, _ verifier: Verifier
    ) -> HeadNetwork {
        let body = parameters.output.count + (parameters.feedForward.map { 3 * $0.gate.count } ?? 0)
        return HeadNetwork(
            parameters, draftTokens: model.draftTokens,
            rows: max(min(operations / body, mostRows), model.config.drafts), kernels: verifier.kernels,
            pool: verifier.pool)
    }

    /// What was trained, as a file holds it.
    var tensors: [String: (type: TensorType, bytes: [UInt8])] { network.parameters.tensors }

    func learn(from lesson: Lesson) {
        if lessons.count == Self.lessons { lessons.removeFirst() }
        lessons.append(lesson)
    }

    /// Forgets all that was learnt.
    /// - Throws: `CheckpointError` if the file cannot be read.
    func restart() throws(CheckpointError) {
        var parameters = original.parameters
        try parameters.readPairs(file, model)
        network = Self.network(parameters, model, verifier)
        lessons = []
        steps = 0
    }

    /// One step of the weights, with blocks of the last text and of earlier ones.
    /// - Returns: false if the weights no longer fit the file, so that it has to begin anew.
    func step() -> Bool {
        guard let last = lessons.last else { return true }
        batch.removeAll()
        while batch.rows + model.config.drafts <= network.maximumRows {
            let lesson = uniform() < Self.shareOfLast ? last : lessons[Int(uniform() * Double(lessons.count))]
            let draw = uniform()
            lesson.append(anchor: Int(uniform() * Double(lesson.anchors.count)), to: &batch) {
                draw < pow(Self.decay, Double($0))
            }
        }
        steps += 1
        _ = network.accumulate(batch, .standard)
        let rate = Self.rate * min(Float(steps) / Float(Self.warmUp), 1)
        return network.step(number: steps, rate: rate, rows: batch.rows)
    }

    /// Compares over a step's worth of a text's blocks.
    /// - Parameter place: of the first block.
    /// - Returns: the block after the last, and the drafts that are expected to be accepted, of the original and of what
    ///   was learnt: the mean of those of drawn and of greedy text.
    func compare(_ lesson: Lesson, from place: Int) -> (next: Int, original: Double, learnt: Double) {
        batch.removeAll()
        var (next, ends): (Int, [Int]) = (place, [])
        while next < lesson.anchors.count, batch.rows + lesson.drafts <= network.maximumRows {
            lesson.append(anchor: next, to: &batch)
            ends.append(batch.rows)
            next += 1
        }
        /// A draft counts as far as all before it are accepted.
        func accepted(_ acceptances: [Double]) -> Double {
            var (sum, start) = (0.0, 0)
            for end in ends {
                var reached = 1.0
                for row in start..<end {
                    reached *= acceptances[row]
                    sum += reached
                }
                start = end
            }
            return sum
        }
        func accepted(_ network: HeadNetwork) -> Double {
            let (drawn, greedy) = network.acceptances(batch)
            return (accepted(drawn) + accepted(greedy)) / 2
        }
        return (next, accepted(original), accepted(network))
    }

    private func uniform() -> Double {
        draws += 1
        return random.uniform(position: draws, stream: .order)
    }
}
