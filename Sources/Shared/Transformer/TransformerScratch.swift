import CKernels

/// Scratch memory of a pass. Sized for the most rows that a pass may have; pages never written cost nothing.
package final class TransformerScratch {
    /// Passes of so few rows give every worker normalised rows of its own.
    static let ownRows = Int(SPK_ROW_BLOCK)
    /// Passes of more than `ownRows` rows compute gate and up in tiles of so many.
    static let tileRows = 128
    private static let tileFloats = tileRows * 256

    package let x: UnsafeMutablePointer<Float>  // [rows, hidden] the residual stream
    let normed: UnsafeMutablePointer<Float>  // [workers, hidden]
    let branch: UnsafeMutablePointer<Float>  // [rows, hidden]
    let queryFactors: UnsafeMutablePointer<Float>  // [rows] what queries are multiplied with for their position
    package let hidden: spk_activations  // [rows, hidden]
    let ownHidden: [spk_activations]  // [workers] of [ownRows, hidden]
    let query: UnsafeMutablePointer<Float>  // [rows, heads · headDimension]
    let key: UnsafeMutablePointer<Float>  // [rows, kvHeads · headDimension]
    let value: UnsafeMutablePointer<Float>  // [rows, kvHeads · headDimension]
    let attended: UnsafeMutablePointer<Float>  // [rows, heads · headDimension]
    let attention: spk_activations  // [rows, heads · headDimension]
    let gate: UnsafeMutablePointer<Float>  // [ownRows, feedForward]
    let up: UnsafeMutablePointer<Float>  // [ownRows, feedForward]
    private let tiles: UnsafeMutablePointer<Float>  // [workers, 2, tileFloats]
    let feedForward: spk_activations  // [rows, feedForward], or [places, feedForward] of experts
    let experts: ExpertScratch?
    /// One for each of the config's ropes.
    let rotations: [RotationTable]
    /// [rows] 1 where a key or a value was not finite. The cache holds a finite number in its place, so that rows that do
    /// not see it keep their bits; the row itself gets logits that are not finite.
    package let isDamaged: UnsafeMutablePointer<UInt8>
    let attentionScratch: AttentionScratch
    let convolution: ConvolutionScratch?
    private let arena: Arena

    /// - Parameters:
    ///   - rows: of a pass at most.
    ///   - ropeFactors: what divides each rotation frequency, where the checkpoint has such a tensor.
    static func make(
        _ config: TransformerConfig, _ readers: TransformerWeights.Readers, rows: Int, workers: Int,
        ropeFactors: UnsafePointer<Float>?, convolution: Convolution.Shape?
    ) throws(OutOfMemory) -> TransformerScratch {
        let scratch = try Arena.fitting {
            TransformerScratch(config, readers, rows: rows, workers: workers, convolution, in: $0)
        }
        for (table, rope) in zip(scratch.rotations, config.ropes) { table.setFrequencies(rope, factors: ropeFactors) }
        return scratch
    }

    private init(
        _ config: TransformerConfig, _ readers: TransformerWeights.Readers, rows: Int, workers: Int,
        _ shape: Convolution.Shape?, in arena: Arena
    ) {
        self.arena = arena
        x = arena.allocate(count: rows * config.hidden)
        normed = arena.allocate(count: workers * config.hidden)
        branch = arena.allocate(count: rows * config.hidden)
        queryFactors = arena.allocate(count: rows)
        query = arena.allocate(count: rows * config.queryWidth)
        key = arena.allocate(count: rows * config.kvWidth)
        value = arena.allocate(count: rows * config.kvWidth)
        attended = arena.allocate(count: rows * config.queryWidth)
        gate = arena.allocate(count: Self.ownRows * config.feedForward)
        up = arena.allocate(count: Self.ownRows * config.feedForward)
        tiles = arena.allocate(count: 2 * workers * Self.tileFloats)
        hidden = arena.activations(rows: rows, inputs: config.hidden, readers: readers.hidden)
        attention = arena.activations(rows: rows, inputs: config.queryWidth, readers: readers.attention)
        feedForward = arena.activations(
            rows: config.experts.map { ExpertScratch.places($0, rows: rows) } ?? rows, inputs: config.feedForward,
            readers: readers.feedForward)
        experts = config.experts.map {
            ExpertScratch($0, hidden: config.hidden, readers: readers.experts, rows: rows, in: arena)
        }
        ownHidden = (0..<workers).map { _ in
            arena.activations(rows: Self.ownRows, inputs: config.hidden, readers: readers.hidden)
        }
        rotations = config.ropes.map { RotationTable($0, rows: rows, in: arena) }
        isDamaged = arena.allocate(count: rows)
        attentionScratch = AttentionScratch(config, rows: rows, workers: workers, in: arena)
        convolution = shape.map { ConvolutionScratch($0, hidden: config.hidden, rows: rows, in: arena) }
    }

    /// Columns of a tile: few, so that there are enough of them for many workers, but whole spans of what they become.
    var tileColumns: Int { max(64, Int(feedForward.span)) }

    /// [tileRows, tileColumns] each
    func tiles(of worker: Int) -> (gate: UnsafeMutablePointer<Float>, up: UnsafeMutablePointer<Float>) {
        let first = tiles + 2 * worker * Self.tileFloats
        return (first, first + Self.tileFloats)
    }
}
