import CKernels
import SpeculateShared

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

extension Verifier {
    /// One pass over all rows of the batch: a pre-norm transformer (Touvron et al. 2023) with grouped-query attention.
    /// Afterwards the caches hold the rows, and `logits` and `hiddenState` their results. Every worker runs this body;
    /// between barriers each writes its own share.
    package func forward(_ batch: RowBatch) {
        precondition(batch.rowCount <= Self.maximumRows)
        let rows = batch.rowCount
        pool.run { worker in
            embed(batch, &worker)  // x [rows, hidden]
            for index in 0..<config.layers {
                let layer = weights.layers[index]
                let next = index + 1 < config.layers ? weights.layers[index + 1].query : weights.output
                let normed = normalize(rows, layer.attentionNorm, &worker)  // [rows, hidden]
                projectHeads(index, layer, normed, batch, &worker)  // query [rows, heads · dim]; keys, values cached
                attend(index, batch, &worker)  // attention [rows, heads · dim]
                add(layer.output, state.attention, rows, &worker, before: layer.gate)  // x [rows, hidden]
                let gated = normalize(rows, layer.feedForwardNorm, &worker)  // [rows, hidden]
                gateFeedForward(layer, gated, rows, &worker)  // feedForward [rows, feedForward]
                add(layer.down, state.feedForward, rows, &worker, before: next)  // x [rows, hidden]
                tap(index, rows, &worker)  // tapped [rows, taps, hidden]
            }
            project(batch, &worker)  // logits [logit rows, vocabulary]
        }
        batch.commit()
    }

    private func embed(_ batch: RowBatch, _ worker: inout Worker) {
        let half = config.ropeDimensions / 2
        withUnsafePointer(to: weights.embedding) { embedding in
            for row in worker.share(of: batch.rowCount) {
                spk_unpack_row(embedding, batch.rows[row].token, state.x + row * config.hidden)
                for i in 0..<half {
                    let angle = Double(batch.rows[row].position) * state.frequencies[i]
                    state.cosine[row * half + i] = Float(cos(angle))
                    state.sine[row * half + i] = Float(sin(angle))
                }
            }
        }
        worker.barrier()
    }

    /// Few rows are normalised by every worker for itself, which takes less time than waiting for another.
    private func normalize(
        _ rows: Int, _ weight: UnsafePointer<Float>, _ worker: inout Worker
    ) -> spk_activations {
        let isShared = rows > VerifierState.ownRows
        let normed = isShared ? state.hidden : state.ownHidden[worker.index]
        for row in isShared ? worker.share(of: rows) : 0..<rows {
            normalize(state.x + row * config.hidden, weight, into: normed, row, worker)
        }
        if isShared { worker.barrier() }
        return normed
    }

    private func normalize(
        _ x: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, into output: spk_activations, _ row: Int,
        _ worker: Worker
    ) {
        let normed = state.normed + worker.index * config.hidden
        let count = Int32(config.hidden)
        kernels.table.pointee.rms_norm(x, weight, count, config.epsilon, normed)
        withUnsafePointer(to: output) { kernels.table.pointee.quantize(normed, 0, count, Int32(row), $0) }
    }

    /// x += matrix · activations.
    private func add(
        _ matrix: spk_matrix, _ activations: spk_activations, _ rows: Int, _ worker: inout Worker,
        before following: spk_matrix
    ) {
        let chunk = panelsPerChunk(matrix)
        worker.forEachChunk(of: Int(matrix.outputs) / 16, chunk: chunk) { panels, next in
            multiply(
                matrix, activations, rows, panels, before: next.map { matrix.panel($0.lowerBound) } ?? following.data,
                into: state.x, stride: config.hidden, accumulating: true)
        }
        worker.barrier()
    }

    /// Chunks of about 32 KB: small enough to even out, large enough that taking one costs nothing beside it.
    private func panelsPerChunk(_ matrix: spk_matrix) -> Int { max(1, (32 << 10) / matrix.panel_bytes) }

    @inline(__always)
    private func multiply(
        _ matrix: spk_matrix, _ activations: spk_activations, _ rows: Int, _ panels: Range<Int>,
        before next: UnsafePointer<UInt8>?, into output: UnsafeMutablePointer<Float>, stride: Int,
        accumulating: Bool = false
    ) {
        withUnsafePointer(to: matrix) { matrix in
            withUnsafePointer(to: activations) { activations in
                kernels.table.pointee.matmul(
                    matrix, activations, Int32(rows), Int32(panels.lowerBound), Int32(panels.upperBound), next, output,
                    stride, accumulating)
            }
        }
    }

    // MARK: Attention

    /// Queries, keys and values by whole heads: whoever computes a head also adds its bias, normalises and rotates it,
    /// and stores it if it is a key or a value.
    private func projectHeads(
        _ index: Int, _ layer: VerifierWeights.Layer, _ normed: spk_activations, _ batch: RowBatch,
        _ worker: inout Worker
    ) {
        let c = config
        worker.forEachChunk(of: c.heads + 2 * c.kvHeads, chunk: 1) { units, next in
            for unit in units {
                let following = unit + 1 < units.upperBound ? unit + 1 : next?.lowerBound
                projectHead(unit, index, layer, normed, batch, before: following)
            }
        }
        worker.barrier()
    }

    private func projectHead(
        _ unit: Int, _ index: Int, _ layer: VerifierWeights.Layer, _ normed: spk_activations, _ batch: RowBatch,
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
    private func part(_ unit: Int, of layer: VerifierWeights.Layer) -> (HeadPart, head: Int) {
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
    private func attend(_ index: Int, _ batch: RowBatch, _ worker: inout Worker) {
        let c = config
        let scores = state.scores + worker.index * Int(SPK_MAX_QUERIES) * state.scoreStride
        let queries = state.queries + worker.index * Int(SPK_MAX_QUERIES)
        let scale = 1 / Float(c.headDimension).squareRoot()
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
                    for i in 0..<count {
                        let row = segment.firstRow + (next + i) % perHead / c.queriesPerKV
                        let queryHead = head * c.queriesPerKV + (next + i) % c.queriesPerKV
                        let offset = row * c.queryWidth + queryHead * c.headDimension
                        queries[i] = spk_query(
                            query: UnsafePointer(state.query + offset), output: state.attended + offset,
                            prefix: batch.rows[row].prefix, mask: batch.rows[row].mask)
                    }
                    kernels.table.pointee.attend(
                        queries, Int32(count), Int32(c.headDimension), scale, segment.cache.keys(index, head),
                        segment.cache.values(index, head), scores, state.scoreStride)
                    for i in 0..<count { quantizeAttended(queries[i].output) }
                    next += count
                }
            }
        }
        worker.barrier()
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

    // MARK: Feed-forward, taps and head

    private func gateFeedForward(
        _ layer: VerifierWeights.Layer, _ normed: spk_activations, _ rows: Int, _ worker: inout Worker
    ) {
        let width = config.feedForward
        let chunk = max(1, panelsPerChunk(layer.gate) / 2) * 32
        worker.forEachChunk(of: width, chunk: chunk) { columns, next in
            let panels = columns.lowerBound / 16..<columns.upperBound / 16
            let following = next.map { layer.gate.panel($0.lowerBound / 16) } ?? layer.down.data
            multiply(
                layer.gate, normed, rows, panels, before: layer.up.panel(panels.lowerBound), into: state.gate,
                stride: width)
            multiply(layer.up, normed, rows, panels, before: following, into: state.up, stride: width)
            withUnsafePointer(to: state.feedForward) { feedForward in
                for row in 0..<rows {
                    kernels.table.pointee.swiglu_quantize(
                        state.gate + row * width, state.up + row * width, Int32(columns.lowerBound),
                        Int32(columns.upperBound), Int32(row), feedForward)
                }
            }
        }
        worker.barrier()
    }

    private func tap(_ index: Int, _ rows: Int, _ worker: inout Worker) {
        for (tap, layer) in taps.enumerated() where layer == index {
            for row in worker.share(of: rows) {
                (state.tapped + (row * taps.count + tap) * config.hidden)
                    .update(from: state.x + row * config.hidden, count: config.hidden)
            }
        }
    }

    /// Only rows whose logits were asked for go through the head.
    private func project(_ batch: RowBatch, _ worker: inout Worker) {
        guard batch.logitRowCount > 0 else { return }
        for index in worker.share(of: batch.logitRowCount) {
            let x = state.x + Int(batch.logitRows[index]) * config.hidden
            normalize(x, weights.outputNorm, into: state.hidden, index, worker)
        }
        worker.barrier()
        let chunk = 8 * panelsPerChunk(weights.output)
        worker.forEachChunk(of: (config.vocabulary + 15) / 16, chunk: chunk) { panels, next in
            multiply(
                weights.output, state.hidden, batch.logitRowCount, panels,
                before: next.map { weights.output.panel($0.lowerBound) }, into: state.logits,
                stride: state.logitStride)
        }
    }
}

extension spk_matrix {
    fileprivate func panel(_ index: Int) -> UnsafePointer<UInt8> { data + index * panel_bytes }
}
