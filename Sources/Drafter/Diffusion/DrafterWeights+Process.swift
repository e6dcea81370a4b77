import CKernels
import SpeculateShared

extension DrafterWeights {
    /// What is added to the slots of a block whose states are no tokens of its text: maps of the state before a slot's
    /// token, of the token's own, and of the time.
    struct Conditioning {
        static let timeFeatures = 32

        /// Numbers of an embedded state.
        let width: Int
        let here: spk_matrix  // [hidden × width]
        let own: spk_matrix?  // [hidden × width]
        let time: spk_matrix  // [hidden × features]

        var stateReaders: UInt64 { here.reader | (own?.reader ?? 0) }

        /// Nil where slots hold the tokens.
        init?(_ checkpoint: Checkpoint, _ loader: WeightLoader, _ config: DrafterConfig) throws(CheckpointError) {
            guard !config.process.reveals else { return nil }
            let hidden = config.transformer.hidden
            width = config.process == .gaussian ? try DrafterWeights.pointWidth(checkpoint) : hidden
            here = try loader.matrix("speculate.state_here.weight", inputs: width, outputs: hidden)
            own =
                [.scoreUniform, .gaussian].contains(config.process)
                ? nil : try loader.matrix("speculate.state_own.weight", inputs: width, outputs: hidden)
            time = try loader.finiteMatrix("speculate.time.weight", inputs: Self.timeFeatures, outputs: hidden)
        }

        /// cos πkt for k from 1 on, then sin πkt.
        static func features(of time: Double, into features: UnsafeMutablePointer<Float>) {
            let half = timeFeatures / 2
            for k in 0..<half {
                let angle = .pi * Double(k + 1) * time
                features[k] = Float(cos(angle))
                features[half + k] = Float(sin(angle))
            }
        }
    }

    private static let rounding = "speculate.rounding.weight"
    private static let greatestWidth = 512
    private static let greatestNeighbours = 64

    /// Numbers of a point of the Gaussian process.
    private static func pointWidth(_ checkpoint: Checkpoint) throws(CheckpointError) -> Int {
        guard let tensor = checkpoint.tensor(rounding) else { throw .tensor(rounding, "is missing") }
        guard tensor.shape.count == 2, (1...greatestWidth).contains(tensor.shape[0]) else {
            throw .tensor(
                rounding, "has the shape \(tensor.shape), expected up to \(greatestWidth) numbers for each draft token")
        }
        return tensor.shape[0]
    }

    static func process(
        _ checkpoint: Checkpoint, _ loader: WeightLoader, _ config: DrafterConfig, drafted: Int
    ) throws(CheckpointError) -> any DiffusionProcess {
        let schedule = config.noiseSchedule
        switch config.process {
        case .absorbing: return AbsorbingProcess(schedule: schedule)
        case .uniform: return UniformProcess(vocabulary: drafted, schedule: schedule)
        case .scoreUniform: return ScoreUniformProcess(vocabulary: drafted, schedule: schedule)
        case .scoreAbsorbing: return ScoreAbsorbingProcess(schedule: schedule)
        case .gaussian:
            let width = try pointWidth(checkpoint)
            let embedding = try loader.numbers(rounding, shape: [width, drafted])
            return GaussianProcess(width: width, embedding: embedding, schedule: schedule)
        case .tokenDistance: return TokenDistanceProcess(try rates(loader, drafted), schedule: schedule)
        }
    }

    private static func rates(_ loader: WeightLoader, _ drafted: Int) throws(CheckpointError) -> NeighbourRates {
        let name = "speculate.neighbours"
        let lists = try loader.indexLists(name, count: drafted, most: min(greatestNeighbours, drafted - 1))
        if let problem = NeighbourRates.problem(lists, count: drafted) { throw .tensor(name, problem) }
        return NeighbourRates(lists, count: drafted)
    }
}
