import CKernels
import SpeculateShared

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The layers of a pre-norm transformer (Touvron et al. 2023) with grouped-query attention, and the scratch memory of a
/// pass over them. Every worker of a team calls the same methods in the same order; between barriers each writes its
/// own share. The numbers of a row do not depend, to the bit, on what else is in the pass or on who computes them.
package final class Transformer {
    package let config: TransformerConfig
    package let kernels: Kernels
    let layers: TransformerLayers
    package let state: TransformerState

    /// - Parameter head: a matrix that `state.hidden` is multiplied with after the last layer, if there is one.
    package init(
        _ config: TransformerConfig, _ layers: TransformerLayers, head: spk_matrix?, kernels: Kernels, rows: Int,
        workers: Int, ropeFactors: UnsafePointer<Float>? = nil
    ) throws(OutOfMemory) {
        self.config = config
        self.kernels = kernels
        self.layers = layers
        state = try TransformerState(
            config, layers.readers(head: head), rows: rows, workers: workers, ropeFactors: ropeFactors)
    }

    /// One layer over all rows of the batch.
    /// - Parameter head: what is read after the last layer.
    package func forward(
        layer index: Int, _ batch: RowBatch, _ worker: inout Worker, before head: UnsafePointer<UInt8>
    ) {
        let rows = batch.rowCount
        let layer = layers[index]
        let next: UnsafePointer<UInt8> = index + 1 < layers.count ? layers[index + 1].query.data : head
        let normed = normalize(rows, layer.attentionNorm, &worker)  // [rows, hidden]
        projectHeads(index, normed, batch, &worker)  // query [rows, heads · dim]; keys, values cached
        attend(index, batch, &worker)  // attention [rows, heads · dim]
        add(layer.output, state.attention, rows, &worker, before: layer.gate.data)  // x [rows, hidden]
        let gated = normalize(rows, layer.feedForwardNorm, &worker)  // [rows, hidden]
        gateFeedForward(layer, gated, rows, &worker)  // feedForward [rows, feedForward]
        add(layer.down, state.feedForward, rows, &worker, before: next)  // x [rows, hidden]
    }

    /// Keys and values alone: what layer `index` would see of the rows' tokens if `normed` were its input.
    package func inject(
        layer index: Int, _ normed: spk_activations, _ batch: RowBatch, _ worker: inout Worker
    ) {
        projectHeads(index, normed, batch, &worker, keysAndValuesOnly: true)
    }

    /// x = the tokens' rows of the embedding, and the rotations of their positions.
    package func embed(_ batch: RowBatch, _ embedding: spk_matrix, _ worker: inout Worker) {
        withUnsafePointer(to: embedding) { embedding in
            for row in worker.share(of: batch.rowCount) {
                spk_unpack_row(embedding, batch.rows[row].token, state.x + row * config.hidden)
                setRotation(row, position: Int(batch.rows[row].position))
                state.isDamaged[row] = 0
            }
        }
        worker.barrier()
    }

    /// The rotations of the rows' positions, where their states do not come from an embedding.
    package func rotate(_ batch: RowBatch, _ worker: inout Worker) {
        for row in worker.share(of: batch.rowCount) { setRotation(row, position: Int(batch.rows[row].position)) }
    }

    private func setRotation(_ row: Int, position: Int) {
        let half = config.ropeDimensions / 2
        for i in 0..<half {
            let angle = Double(position) * state.frequencies[i]
            state.cosine[row * half + i] = Float(cos(angle))
            state.sine[row * half + i] = Float(sin(angle))
        }
    }

    /// Few rows are normalised by every worker for itself, which takes less time than waiting for another.
    package func normalize(
        _ rows: Int, _ weight: UnsafePointer<Float>, _ worker: inout Worker
    ) -> spk_activations {
        let isShared = rows > TransformerState.ownRows
        let normed = isShared ? state.hidden : state.ownHidden[worker.index]
        for row in isShared ? worker.share(of: rows) : 0..<rows {
            normalize(state.x + row * config.hidden, weight, into: normed, row, worker)
        }
        if isShared { worker.barrier() }
        return normed
    }

    package func normalize(
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
        before following: UnsafePointer<UInt8>
    ) {
        let chunk = panelsPerChunk(matrix)
        worker.forEachChunk(of: Int(matrix.outputs) / 16, chunk: chunk) { panels, next in
            multiply(
                matrix, activations, rows, panels, before: next.map { matrix.panel($0.lowerBound) } ?? following,
                into: state.x, stride: config.hidden, accumulating: true)
        }
        worker.barrier()
    }

    /// Chunks of about 32 KB: small enough to even out, large enough that taking one costs nothing beside it.
    package func panelsPerChunk(_ matrix: spk_matrix) -> Int { max(1, (32 << 10) / matrix.panel_bytes) }

    package func multiply(
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

    /// What workers computed in parts narrower than the columns that share a scale.
    func quantize(
        _ x: UnsafePointer<Float>, _ rows: Int, into output: spk_activations, _ worker: inout Worker
    ) {
        let width = Int(output.inputs)
        let spans = width / Int(output.span)
        withUnsafePointer(to: output) { output in
            for part in worker.share(of: rows * spans) {
                let begin = Int32(part % spans) * output.pointee.span
                kernels.table.pointee.quantize(
                    x + part / spans * width + Int(begin), begin, begin + output.pointee.span, Int32(part / spans),
                    output)
            }
        }
        worker.barrier()
    }
}
