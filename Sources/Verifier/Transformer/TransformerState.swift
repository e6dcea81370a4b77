import CKernels
import SpeculateShared

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Scratch memory of a pass. Sized for the most rows that a pass may have; pages never written cost nothing.
package final class TransformerState {
    package let x: UnsafeMutablePointer<Float>  // [rows, hidden] the residual stream
    let normed: UnsafeMutablePointer<Float>  // [workers, hidden]
    package let hidden: spk_activations  // [rows, hidden]
    /// Passes of so few rows give every worker normalised rows of its own.
    static let ownRows = Int(SPK_ROW_BLOCK)
    let ownHidden: UnsafeMutablePointer<spk_activations>  // [workers] of [ownRows, hidden]
    let query: UnsafeMutablePointer<Float>  // [rows, heads · headDimension]
    let key: UnsafeMutablePointer<Float>  // [rows, kvHeads · headDimension]
    let value: UnsafeMutablePointer<Float>  // [rows, kvHeads · headDimension]
    let attended: UnsafeMutablePointer<Float>  // [rows, heads · headDimension]
    let attention: spk_activations  // [rows, heads · headDimension]
    let gate: UnsafeMutablePointer<Float>  // [ownRows, feedForward]
    let up: UnsafeMutablePointer<Float>  // [ownRows, feedForward]
    /// Passes of more rows compute the two in tiles, and use these up at once.
    static let tileRows = 128
    private static let tileFloats = tileRows * 256
    private let tiles: UnsafeMutablePointer<Float>  // [workers, 2, tileFloats]
    let feedForward: spk_activations  // [rows, feedForward]
    let cosine: UnsafeMutablePointer<Float>  // [rows, ropeDimensions / 2]
    let sine: UnsafeMutablePointer<Float>  // [rows, ropeDimensions / 2]
    let frequencies: UnsafeMutablePointer<Double>  // [ropeDimensions / 2] radians a position
    /// [rows] 1 where a key or a value was not finite. The cache holds a finite number in its place, so that rows that do not
    /// see it keep their bits; the row itself gets logits that are not finite.
    package let isDamaged: UnsafeMutablePointer<UInt8>
    let attentionScratch: AttentionScratch
    private let arena: Arena

    init(
        _ config: TransformerConfig, _ readers: TransformerLayers.Readers, rows: Int, workers: Int,
        ropeFactors: UnsafePointer<Float>? = nil
    ) throws(OutOfMemory) {
        let half = config.ropeDimensions / 2
        let floats: [Int] = [
            rows * config.hidden, workers * config.hidden, rows * config.queryWidth, rows * config.kvWidth,
            rows * config.kvWidth, rows * config.queryWidth, Self.ownRows * config.feedForward,
            Self.ownRows * config.feedForward, rows * half, rows * half,
            2 * workers * Self.tileFloats,
        ]
        let inputs = [config.hidden, config.queryWidth, config.feedForward]
        let activationBytes = inputs.map { spk_activations_bytes(Int32(rows), Int32($0)) }
        let ownBytes = spk_activations_bytes(Int32(Self.ownRows), Int32(config.hidden))
        let arena = try Arena(
            capacity: workers * Arena.size(ownBytes)
                + Arena.size(workers * MemoryLayout<spk_activations>.stride)
                + floats.reduce(0) { $0 + Arena.size($1 * 4) } + activationBytes.reduce(0) { $0 + Arena.size($1) }
                + Arena.size(half * 8) + Arena.size(rows))
        self.arena = arena
        func activations(_ index: Int, _ readers: UInt64) -> spk_activations {
            spk_activations_in(
                arena.allocate(bytes: activationBytes[index]), Int32(rows), Int32(inputs[index]), readers)
        }
        x = arena.allocate(count: floats[0])
        normed = arena.allocate(count: floats[1])
        query = arena.allocate(count: floats[2])
        key = arena.allocate(count: floats[3])
        value = arena.allocate(count: floats[4])
        attended = arena.allocate(count: floats[5])
        gate = arena.allocate(count: floats[6])
        up = arena.allocate(count: floats[7])
        cosine = arena.allocate(count: floats[8])
        sine = arena.allocate(count: floats[9])
        tiles = arena.allocate(count: floats[10])
        hidden = activations(0, readers.hidden)
        attention = activations(1, readers.attention)
        feedForward = activations(2, readers.feedForward)
        ownHidden = arena.allocate(count: workers)
        for worker in 0..<workers {
            ownHidden[worker] = spk_activations_in(
                arena.allocate(bytes: ownBytes), Int32(Self.ownRows), Int32(config.hidden), readers.hidden)
        }
        frequencies = arena.allocate(count: half)
        isDamaged = arena.allocate(count: rows)
        attentionScratch = try AttentionScratch(config, rows: rows, workers: workers)
        for i in 0..<half {
            let exponent = -2 * Double(i) / Double(config.ropeDimensions)
            let factor = Double(ropeFactors?[i] ?? 1) * Double(config.ropeScale)
            frequencies[i] = pow(Double(config.ropeBase), exponent) / factor
        }
    }

    /// Columns of a tile: few, so that there are enough of them for many workers, but whole spans of what they become.
    var tileColumns: Int { max(64, Int(feedForward.span)) }

    /// [tileRows, tileColumns] each
    func tiles(of worker: Int) -> (gate: UnsafeMutablePointer<Float>, up: UnsafeMutablePointer<Float>) {
        let first = tiles + 2 * worker * Self.tileFloats
        return (first, first + Self.tileFloats)
    }
}
