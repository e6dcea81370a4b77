import CKernels

/// Scratch of attention.
struct AttentionScratch: BitwiseCopyable {
    /// Query vectors of one head that go over its cache together, stretch by stretch, so that it is read once for all.
    static let tile = 8 * Int(SPK_MAX_QUERIES)
    /// Segments of at most this many rows may have their queries or stretches divided evenly.
    static let splitRows = 16

    /// Floats of a query's partial result.
    let stride: Int
    private let scores: UnsafeMutablePointer<Float>  // [workers, SPK_MAX_QUERIES, SPK_STRETCH]
    private let queries: UnsafeMutablePointer<spk_query>  // [workers, SPK_MAX_QUERIES]
    private let tiles: UnsafeMutablePointer<Float>  // [workers, tile + SPK_MAX_QUERIES, stride]
    /// Partial results of a split pass, [stretches, queries, stride].
    let split: UnsafeMutablePointer<Float>

    init(_ config: TransformerConfig, rows: Int, workers: Int, in arena: Arena) {
        stride = config.headDimension + Int(SPK_PARTIAL)
        queries = arena.allocate(count: workers * Int(SPK_MAX_QUERIES))
        scores = arena.allocate(count: workers * Int(SPK_MAX_QUERIES) * Int(SPK_STRETCH))
        tiles = arena.allocate(count: workers * (Self.tile + Int(SPK_MAX_QUERIES)) * stride)
        let stretches = config.context / Int(SPK_STRETCH) + 1
        split = arena.allocate(count: stretches * min(rows, Self.splitRows) * config.heads * stride)
    }

    func scores(of worker: Int) -> UnsafeMutablePointer<Float> {
        scores + worker * Int(SPK_MAX_QUERIES) * Int(SPK_STRETCH)
    }

    func queries(of worker: Int) -> UnsafeMutablePointer<spk_query> { queries + worker * Int(SPK_MAX_QUERIES) }

    /// A tile's partial results, followed by those of one stretch for SPK_MAX_QUERIES of its queries.
    func tile(of worker: Int) -> UnsafeMutablePointer<Float> {
        tiles + worker * (Self.tile + Int(SPK_MAX_QUERIES)) * stride
    }
}
