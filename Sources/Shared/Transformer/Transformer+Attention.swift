import CKernels

/// Softmax attention with the cache cut into stretches of SPK_STRETCH cells (FlashAttention, Dao et al. 2022): each
/// gives a partial result, and these are merged in the order of the cells. The cuts depend only on the cells' indices,
/// so that a row's results do not depend on which worker computes which stretch.
extension Transformer {
    /// Query vectors of one head in one segment, numbered row by row, and by query head within a row.
    private struct Tile {
        var segment: RowBatch.Segment
        var head: Int
        var queries: Range<Int>
    }

    func attend(_ index: Int, _ batch: RowBatch, _ worker: inout Worker) {
        if isSplit(batch, layer: index, worker.count) {
            attendSplit(index, batch, &worker)
        } else {
            attendWhole(index, batch, worker)
        }
        worker.barrier()
        if !isQuantizedByHead { quantize(scratch.attended, batch.rowCount, into: scratch.attention, &worker) }
    }

    private var isQuantizedByHead: Bool { config.headDimension.isMultiple(of: Int(scratch.attention.span)) }

    /// Whether workers divide the stretches: when one sequence with few rows has too few heads to keep all of them
    /// busy.
    private func isSplit(_ batch: RowBatch, layer index: Int, _ workers: Int) -> Bool {
        guard batch.segmentCount == 1, batch.rowCount <= AttentionScratch.splitRows else { return false }
        return config.kvHeads < 2 * workers && stretches(of: batch.segments[0], batch, layer: index).count > 1
    }

    /// Computes each query over all of its cells on a single worker.
    private func attendWhole(_ index: Int, _ batch: RowBatch, _ worker: Worker) {
        let heads = config.kvHeads
        for s in 0..<batch.segmentCount {
            let segment = batch.segments[s]
            let perHead = segment.rowCount * config.queriesPerKV
            // Few rows in one stretch are divided evenly. Otherwise a head's cache is read once per tile; tiles are
            // dealt out round-robin, because later rows see more cells.
            let isShort =
                segment.rowCount <= AttentionScratch.splitRows && stretches(of: segment, batch, layer: index).count == 1
            let size =
                isShort ? (perHead * heads + worker.count - 1) / worker.count : min(perHead, AttentionScratch.tile)
            let mine = (worker.index + s) % worker.count
            if isShort {
                var next = mine * size
                let end = min(next + size, perHead * heads)
                while next < end {
                    let (head, first) = next.quotientAndRemainder(dividingBy: perHead)
                    let count = min(end - next, perHead - first, AttentionScratch.tile)
                    attend(index, Tile(segment: segment, head: head, queries: first..<first + count), batch, worker)
                    next += count
                }
            } else {
                let perHeadTiles = (perHead + size - 1) / size
                for tile in stride(from: mine, to: perHeadTiles * heads, by: worker.count) {
                    let first = tile % perHeadTiles * size
                    let queries = first..<min(first + size, perHead)
                    let following = tile + worker.count
                    attend(
                        index, Tile(segment: segment, head: tile / perHeadTiles, queries: queries), batch, worker,
                        before: following < perHeadTiles * heads ? following / perHeadTiles : nil)
                }
            }
        }
    }

    /// - Parameter following: the head that this worker reads next, if any.
    private func attend(
        _ index: Int, _ tile: Tile, _ batch: RowBatch, _ worker: Worker, before following: Int? = nil
    ) {
        let memory = scratch.attentionScratch
        let results = memory.tile(of: worker.index)
        let others = results + AttentionScratch.tile * memory.stride
        let dimension = Int32(config.headDimension)
        let stretches = stretches(of: tile.segment, batch, layer: index, tile.queries)
        for stretch in stretches {
            let next =
                stretch + 1 < stretches.upperBound
                ? keys(index, tile.head, stretch + 1, tile.segment)
                : following.map { keys(index, $0, stretches.lowerBound, tile.segment) }
            for group in groups(of: tile.queries) {
                let result = results + (group.lowerBound - tile.queries.lowerBound) * memory.stride
                let isFirst = stretch == stretches.lowerBound
                attend(
                    index, tile, group, stretch, batch, worker,
                    before: group.upperBound == tile.queries.upperBound ? next : nil, into: isFirst ? result : others)
                for i in 0..<(isFirst ? 0 : group.count) {
                    kernels.table.pointee.merge(
                        others + i * memory.stride, dimension, attentionScale, result + i * memory.stride)
                }
            }
        }
        for query in tile.queries {
            finish(results + (query - tile.queries.lowerBound) * memory.stride, query, head: tile.head, tile.segment)
        }
    }

    /// Computes each stretch of each head on one worker, then merges each query's results on one worker.
    private func attendSplit(_ index: Int, _ batch: RowBatch, _ worker: inout Worker) {
        let memory = scratch.attentionScratch
        let segment = batch.segments[0]
        let perHead = segment.rowCount * config.queriesPerKV
        let all = perHead * config.kvHeads
        let stretches = stretches(of: segment, batch, layer: index)
        worker.forEachChunk(of: config.kvHeads * stretches.count, chunk: 1) { [worker] parts, claimed in
            for part in parts {
                let (head, stretch) = part.quotientAndRemainder(dividingBy: stretches.count)
                let tile = Tile(segment: segment, head: head, queries: 0..<perHead)
                let following = part + 1 < parts.upperBound ? part + 1 : claimed?.lowerBound
                let next = following.map {
                    keys(index, $0 / stretches.count, stretches.lowerBound + $0 % stretches.count, segment)
                }
                for group in groups(of: tile.queries) {
                    attend(
                        index, tile, group, stretches.lowerBound + stretch, batch, worker,
                        before: group.upperBound == perHead ? next : nil,
                        into: memory.split + (stretch * all + head * perHead + group.lowerBound) * memory.stride)
                }
            }
        }
        worker.barrier()
        for query in worker.share(of: all) {
            let result = memory.split + query * memory.stride
            for stretch in 1..<stretches.count {
                kernels.table.pointee.merge(
                    result + stretch * all * memory.stride, Int32(config.headDimension), attentionScale, result)
            }
            finish(result, query % perHead, head: query / perHead, segment)
        }
    }

    /// Computes the partial results of at most SPK_MAX_QUERIES queries over one stretch.
    private func attend(
        _ index: Int, _ tile: Tile, _ group: Range<Int>, _ stretch: Int, _ batch: RowBatch, _ worker: Worker,
        before next: UnsafePointer<UInt8>?, into results: UnsafeMutablePointer<Float>
    ) {
        let memory = scratch.attentionScratch
        let queries = memory.queries(of: worker.index)
        let cells = cells(of: tile.segment, batch, group, layer: index).clamped(
            to: stretch * Int(SPK_STRETCH)..<(stretch + 1) * Int(SPK_STRETCH))
        for (i, query) in group.enumerated() {
            let row = batch.rows[tile.segment.firstRow + query / config.queriesPerKV]
            queries[i] = spk_query(
                query: scratch.query + offset(of: query, head: tile.head, tile.segment),
                partial: results + i * memory.stride, first: firstCell(row, layer: index), prefix: row.prefix,
                mask: row.mask)
            if cells.isEmpty { queries[i].partial[config.headDimension] = -.infinity }
        }
        guard !cells.isEmpty else { return }
        // If a window hides the first cells, skip them in groups of 16.
        let cache = tile.segment.cache.cells(index, tile.head, at: stretch * Int(SPK_STRETCH))
        withUnsafePointer(to: cache) { cache in
            kernels.table.pointee.attend(
                queries, Int32(group.count), attentionScale, cache, Int32(cells.lowerBound / 16 * 16),
                Int32(cells.upperBound), next, memory.scores(of: worker.index))
        }
    }

    /// The address of a stretch's keys.
    private func keys(
        _ index: Int, _ head: Int, _ stretch: Int, _ segment: RowBatch.Segment
    ) -> UnsafePointer<UInt8> {
        UnsafePointer(segment.cache.cells(index, head, at: stretch * Int(SPK_STRETCH)).keys)
    }

    private func finish(
        _ result: UnsafeMutablePointer<Float>, _ query: Int, head: Int, _ segment: RowBatch.Segment
    ) {
        let offset = offset(of: query, head: head, segment)
        kernels.table.pointee.finish(result, Int32(config.headDimension), scratch.attended + offset)
        guard isQuantizedByHead else { return }
        let (row, begin) = offset.quotientAndRemainder(dividingBy: config.queryWidth)
        withUnsafePointer(to: scratch.attention) { attention in
            kernels.table.pointee.quantize(
                scratch.attended + offset, Int32(begin), Int32(begin + config.headDimension),
                Int32(row), attention)
        }
    }

    private var attentionScale: Float { scales.attention }

    /// The first cell that a row sees in a layer: a window hides those before it.
    private func firstCell(_ row: RowBatch.Row, layer index: Int) -> Int32 {
        max(row.first, row.position - windows[index] + 1)
    }

    /// The offset of a query vector in [rows, heads · headDimension].
    private func offset(of query: Int, head: Int, _ segment: RowBatch.Segment) -> Int {
        let (row, queryHead) = query.quotientAndRemainder(dividingBy: config.queriesPerKV)
        return (segment.firstRow + row) * config.queryWidth
            + (head * config.queriesPerKV + queryHead) * config.headDimension
    }

    private func groups(of queries: Range<Int>) -> some Sequence<Range<Int>> {
        stride(from: queries.lowerBound, to: queries.upperBound, by: Int(SPK_MAX_QUERIES)).lazy.map {
            $0..<min($0 + Int(SPK_MAX_QUERIES), queries.upperBound)
        }
    }

    /// From the first to the last cell that any of the queries sees.
    private func cells(
        of segment: RowBatch.Segment, _ batch: RowBatch, _ queries: Range<Int>, layer index: Int
    ) -> Range<Int> {
        var (first, end) = (Int32.max, Int32(0))
        let rows = queries.lowerBound / config.queriesPerKV...(queries.upperBound - 1) / config.queriesPerKV
        for row in rows {
            let row = batch.rows[segment.firstRow + row]
            first = min(first, firstCell(row, layer: index))
            end = max(end, row.prefix + Int32(64 - row.mask.leadingZeroBitCount))
        }
        return Int(first)..<Int(end)
    }

    private func stretches(
        of segment: RowBatch.Segment, _ batch: RowBatch, layer index: Int, _ queries: Range<Int>? = nil
    ) -> Range<Int> {
        let cells = cells(
            of: segment, batch, queries ?? 0..<segment.rowCount * config.queriesPerKV, layer: index)
        return cells.lowerBound / Int(SPK_STRETCH)..<(cells.upperBound - 1) / Int(SPK_STRETCH) + 1
    }
}
