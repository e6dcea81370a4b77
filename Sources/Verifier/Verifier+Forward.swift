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
                normalize(rows, layer.attentionNorm, &worker)  // hidden [rows, hidden]
                projectHeads(index, layer, batch, &worker)  // query [rows, heads · dim], keys and values to the caches
                attend(index, batch, &worker)  // attention [rows, heads · dim]
                add(layer.output, state.attention, rows, &worker)  // x [rows, hidden]
                normalize(rows, layer.feedForwardNorm, &worker)  // hidden [rows, hidden]
                gateFeedForward(layer, rows, &worker)  // feedForward [rows, feedForward]
                add(layer.down, state.feedForward, rows, &worker)  // x [rows, hidden]
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

    private func normalize(_ rows: Int, _ weight: UnsafePointer<Float>, _ worker: inout Worker) {
        let k = kernels.table.pointee
        withUnsafePointer(to: state.hidden) { hidden in
            for row in worker.share(of: rows) {
                let normed = state.normed + row * config.hidden
                k.rms_norm(state.x + row * config.hidden, weight, Int32(config.hidden), config.epsilon, normed)
                k.quantize(normed, 0, Int32(config.hidden), Int32(row), hidden)
            }
        }
        worker.barrier()
    }

    /// x += matrix · activations.
    private func add(_ matrix: spk_matrix, _ activations: spk_activations, _ rows: Int, _ worker: inout Worker) {
        let panels = worker.share(of: Int(matrix.outputs) / 16)
        multiply(matrix, activations, rows, panels, into: state.x, stride: config.hidden, accumulating: true)
        worker.barrier()
    }

    @inline(__always)
    private func multiply(
        _ matrix: spk_matrix, _ activations: spk_activations, _ rows: Int, _ panels: Range<Int>,
        into output: UnsafeMutablePointer<Float>, stride: Int, accumulating: Bool = false
    ) {
        withUnsafePointer(to: matrix) { matrix in
            withUnsafePointer(to: activations) { activations in
                kernels.table.pointee.matmul(
                    matrix, activations, 0, Int32(rows), Int32(panels.lowerBound), Int32(panels.upperBound), output,
                    stride, accumulating)
            }
        }
    }

    // MARK: Attention

    /// Queries, keys and values by whole heads: whoever computes a head also adds its bias, normalises and rotates it,
    /// and stores it if it is a key or a value.
    private func projectHeads(
        _ index: Int, _ layer: VerifierWeights.Layer, _ batch: RowBatch, _ worker: inout Worker
    ) {
        let c = config
        for unit in worker.share(of: c.heads + 2 * c.kvHeads) {
            if unit < c.heads {
                projectHead(
                    layer.query, unit, layer.queryBias, layer.queryNorm, state.query, c.queryWidth, batch.rowCount)
            } else if unit < c.heads + c.kvHeads {
                let head = unit - c.heads
                projectHead(layer.key, head, layer.keyBias, layer.keyNorm, state.key, c.kvWidth, batch.rowCount)
                for row in 0..<batch.rowCount {
                    let cache = batch.segments[Int(batch.rows[row].segment)].cache
                    kernels.table.pointee.store_key(
                        state.key + row * c.kvWidth + head * c.headDimension, Int32(c.headDimension),
                        batch.rows[row].cell, cache.keys(index, head))
                }
            } else {
                let head = unit - c.heads - c.kvHeads
                projectHead(
                    layer.value, head, layer.valueBias, nil, state.value, c.kvWidth, batch.rowCount, rotating: false)
                for row in 0..<batch.rowCount {
                    let cache = batch.segments[Int(batch.rows[row].segment)].cache
                    kernels.table.pointee.store_value(
                        state.value + row * c.kvWidth + head * c.headDimension, Int32(c.headDimension),
                        batch.rows[row].cell, cache.values(index, head))
                }
            }
        }
        worker.barrier()
    }

    private func projectHead(
        _ matrix: spk_matrix, _ head: Int, _ bias: UnsafePointer<Float>?, _ norm: UnsafePointer<Float>?,
        _ output: UnsafeMutablePointer<Float>, _ stride: Int, _ rows: Int, rotating: Bool = true
    ) {
        let k = kernels.table.pointee
        let dimension = config.headDimension
        let half = config.ropeDimensions / 2
        let panels = head * dimension / 16..<(head + 1) * dimension / 16
        multiply(matrix, state.hidden, rows, panels, into: output, stride: stride)
        for row in 0..<rows {
            let vector = output + row * stride + head * dimension
            if let bias { for i in 0..<dimension { vector[i] += bias[head * dimension + i] } }
            if let norm { k.rms_norm(vector, norm, Int32(dimension), config.epsilon, vector) }
            guard rotating else { continue }
            k.rope(
                vector, Int32(config.ropeDimensions), state.cosine + row * half, state.sine + row * half,
                config.ropeIsInterleaved)
        }
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

    private func gateFeedForward(_ layer: VerifierWeights.Layer, _ rows: Int, _ worker: inout Worker) {
        let width = config.feedForward
        let columns = worker.share(of: width, unit: 32)
        let panels = columns.lowerBound / 16..<columns.upperBound / 16
        multiply(layer.gate, state.hidden, rows, panels, into: state.gate, stride: width)
        multiply(layer.up, state.hidden, rows, panels, into: state.up, stride: width)
        withUnsafePointer(to: state.feedForward) { feedForward in
            for row in 0..<rows {
                kernels.table.pointee.swiglu_quantize(
                    state.gate + row * width, state.up + row * width, Int32(columns.lowerBound),
                    Int32(columns.upperBound), Int32(row), feedForward)
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
        let k = kernels.table.pointee
        withUnsafePointer(to: state.hidden) { hidden in
            for index in worker.share(of: batch.logitRowCount) {
                let normed = state.normed + index * config.hidden
                let x = state.x + Int(batch.logitRows[index]) * config.hidden
                k.rms_norm(x, weights.outputNorm, Int32(config.hidden), config.epsilon, normed)
                k.quantize(normed, 0, Int32(config.hidden), Int32(index), hidden)
            }
        }
        worker.barrier()
        let panels = worker.share(of: (config.vocabulary + 15) / 16)
        multiply(
            weights.output, state.hidden, batch.logitRowCount, panels, into: state.logits, stride: state.logitStride)
    }
}
