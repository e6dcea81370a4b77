import CKernels
import SpeculateShared

extension Transformer {
    /// Queries, keys and values by whole heads: whoever computes a head also adds its bias, normalises and rotates it,
    /// and stores it if it is a key or a value.
    func projectHeads(
        _ index: Int, _ normed: spk_activations, _ batch: RowBatch, _ worker: inout Worker,
        keysAndValuesOnly: Bool = false
    ) {
        let layer = layers[index]
        let first = keysAndValuesOnly ? config.heads : 0
        worker.forEachChunk(of: config.heads + 2 * config.kvHeads - first, chunk: 1) { units, next in
            for unit in units {
                let following = unit + 1 < units.upperBound ? unit + 1 : next?.lowerBound
                projectHead(first + unit, index, layer, normed, batch, before: following.map { first + $0 })
            }
        }
        worker.barrier()
    }

    private func projectHead(
        _ unit: Int, _ index: Int, _ layer: TransformerLayers.Layer, _ normed: spk_activations, _ batch: RowBatch,
        before following: Int?
    ) {
        let c = config
        let (part, head) = part(unit, of: layer)
        let next = following.map { following in
            let (part, head) = self.part(following, of: layer)
            return part.matrix.panel(head * c.headDimension / 16)
        }
        let panels = head * c.headDimension / 16..<(head + 1) * c.headDimension / 16
        multiply(
            part.matrix, normed, batch.rowCount, panels, before: next ?? layer.output.data, into: part.output,
            stride: part.width)
        for row in 0..<batch.rowCount {
            let vector = part.output + row * part.width + head * c.headDimension
            finishHead(vector, part, head, row)
            let cache = batch.segments[Int(batch.rows[row].segment)].cache
            let cell = batch.rows[row].cell
            switch part.role {
            case .query: break
            case .key: kernels.table.pointee.store_key(vector, Int32(c.headDimension), cell, cache.keys(index, head))
            case .value:
                kernels.table.pointee.store_value(vector, Int32(c.headDimension), cell, cache.values(index, head))
            }
        }
    }

    /// What tells the projections to queries, keys and values apart.
    private struct HeadPart {
        enum Role { case query, key, value }
        var role: Role
        var matrix: spk_matrix
        var bias: UnsafePointer<Float>?
        var norm: UnsafePointer<Float>?
        var output: UnsafeMutablePointer<Float>
        var width: Int
    }

    /// Query heads first, then key heads, then value heads.
    private func part(_ unit: Int, of layer: TransformerLayers.Layer) -> (HeadPart, head: Int) {
        let c = config
        if unit < c.heads {
            let part = HeadPart(
                role: .query, matrix: layer.query, bias: layer.queryBias, norm: layer.queryNorm, output: state.query,
                width: c.queryWidth)
            return (part, unit)
        }
        if unit < c.heads + c.kvHeads {
            let part = HeadPart(
                role: .key, matrix: layer.key, bias: layer.keyBias, norm: layer.keyNorm, output: state.key,
                width: c.kvWidth)
            return (part, unit - c.heads)
        }
        let part = HeadPart(
            role: .value, matrix: layer.value, bias: layer.valueBias, norm: nil, output: state.value, width: c.kvWidth)
        return (part, unit - c.heads - c.kvHeads)
    }

    private func finishHead(_ vector: UnsafeMutablePointer<Float>, _ part: HeadPart, _ head: Int, _ row: Int) {
        let dimension = config.headDimension
        let half = config.ropeDimensions / 2
        if let bias = part.bias { for i in 0..<dimension { vector[i] += bias[head * dimension + i] } }
        if let norm = part.norm {
            kernels.table.pointee.rms_norm(vector, norm, Int32(dimension), config.epsilon, vector)
        }
        guard part.role != .value else { return }
        kernels.table.pointee.rope(
            vector, Int32(config.ropeDimensions), state.cosine + row * half, state.sine + row * half,
            config.ropeIsInterleaved)
    }

    /// Softmax attention, a few query vectors of one key–value head at a time, so that each cell is read once for all.
    func attend(_ index: Int, _ batch: RowBatch, _ worker: inout Worker) {
        let c = config
        let scores = state.scores + worker.index * Int(SPK_MAX_QUERIES) * state.scoreStride
        let queries = state.queries + worker.index * Int(SPK_MAX_QUERIES)
        let scale = 1 / Float(c.headDimension).squareRoot()
        let isShared = !c.headDimension.isMultiple(of: Int(state.attention.span))
        for s in 0..<batch.segmentCount {
            let segment = batch.segments[s]
            // Few rows are cut evenly; many are dealt out in turn, for later rows see more cells.
            let perHead = segment.rowCount * c.queriesPerKV
            let all = perHead * c.kvHeads
            let chunk = segment.rowCount >= 16 ? Int(SPK_MAX_QUERIES) : (all + worker.count - 1) / worker.count
            let mine = (worker.index + s) % worker.count
            for start in stride(from: mine * chunk, to: all, by: worker.count * chunk) {
                var next = start
                let end = min(start + chunk, all)
                while next < end {
                    let head = next / perHead
                    let count = min(end - next, (head + 1) * perHead - next, Int(SPK_MAX_QUERIES))
                    // Where a window hides the first cells, whole groups of 16 of them are not even looked at.
                    var hidden = Int32.max
                    for i in 0..<count {
                        let row = segment.firstRow + (next + i) % perHead / c.queriesPerKV
                        let queryHead = head * c.queriesPerKV + (next + i) % c.queriesPerKV
                        let offset = row * c.queryWidth + queryHead * c.headDimension
                        queries[i] = spk_query(
                            query: UnsafePointer(state.query + offset), output: state.attended + offset,
                            first: batch.rows[row].first, prefix: batch.rows[row].prefix, mask: batch.rows[row].mask)
                        hidden = min(hidden, batch.rows[row].first / 16 * 16)
                    }
                    for i in 0..<count {
                        queries[i].first -= hidden
                        queries[i].prefix -= hidden
                    }
                    let skipped = Int(hidden) * c.headDimension
                    kernels.table.pointee.attend(
                        queries, Int32(count), Int32(c.headDimension), scale, segment.cache.keys(index, head) + skipped,
                        segment.cache.values(index, head) + skipped, scores, state.scoreStride)
                    if !isShared { for i in 0..<count { quantizeAttended(queries[i].output) } }
                    next += count
                }
            }
        }
        worker.barrier()
        if isShared { quantize(state.attended, batch.rowCount, into: state.attention, &worker) }
    }

    private func quantizeAttended(_ output: UnsafeMutablePointer<Float>) {
        let offset = output - state.attended
        let row = offset / config.queryWidth
        let begin = offset % config.queryWidth
        withUnsafePointer(to: state.attention) { attention in
            kernels.table.pointee.quantize(
                state.attended + row * config.queryWidth, Int32(begin), Int32(begin + config.headDimension),
                Int32(row), attention)
        }
    }
}
