import CKernels
import SpeculateShared

/// Scratch memory of attention.
final class AttentionScratch {
    /// Query vectors of one head that go over its cache together, stretch by stretch, so that it is read once for all.
    static let tile = 8 * Int(SPK_MAX_QUERIES)
    /// Segments of so few rows may have their queries or stretches dealt out evenly.
    static let splitRows = 16

    /// Floats of one query's partial result.
    let stride: Int
    private let scores: UnsafeMutablePointer<Float>  // [workers, SPK_MAX_QUERIES, SPK_STRETCH]
    private let queries: UnsafeMutablePointer<spk_query>  // [workers, SPK_MAX_QUERIES]
    private let tiles: UnsafeMutablePointer<Float>  // [workers, tile + SPK_MAX_QUERIES, stride]
    /// Partial results of a split pass, [stretches, queries, stride].
    let split: UnsafeMutablePointer<Float>
    private let arena: Arena

    init(_ config: TransformerConfig, rows: Int, workers: Int) throws(OutOfMemory) {
        stride = config.headDimension + Int(SPK_PARTIAL)
        let queryCount = workers * Int(SPK_MAX_QUERIES)
        let scoreCount = queryCount * Int(SPK_STRETCH)
        let tileCount = workers * (Self.tile + Int(SPK_MAX_QUERIES)) * stride
        let stretches = config.context / Int(SPK_STRETCH) + 1
        let splitCount = stretches * min(rows, Self.splitRows) * config.heads * stride
        arena = try Arena(
            capacity: Arena.size(queryCount * MemoryLayout<spk_query>.stride)
                + [scoreCount, tileCount, splitCount].reduce(0) { $0 + Arena.size($1 * 4) })
        queries = arena.allocate(count: queryCount)
        scores = arena.allocate(count: scoreCount)
        tiles = arena.allocate(count: tileCount)
        split = arena.allocate(count: splitCount)
    }

    func scores(of worker: Int) -> UnsafeMutablePointer<Float> {
        scores + worker * Int(SPK_MAX_QUERIES) * Int(SPK_STRETCH)
    }

    func queries(of worker: Int) -> UnsafeMutablePointer<spk_query> { queries + worker * Int(SPK_MAX_QUERIES) }

    /// The partial results of a tile, and behind them those of one stretch for SPK_MAX_QUERIES of its queries.
    func tile(of worker: Int) -> UnsafeMutablePointer<Float> {
        tiles + worker * (Self.tile + Int(SPK_MAX_QUERIES)) * stride
    }
}
