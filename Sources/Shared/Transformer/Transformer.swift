import CKernels

/// The layers of a pre-norm transformer (Touvron et al. 2023) with grouped-query attention, and the scratch of a pass
/// over them. All workers of a team call the same methods in the same order; between barriers each writes its own
/// share. A row's results do not depend, to the bit, on what else is in the pass or on which worker computes them.
package final class Transformer {
    package let config: TransformerConfig
    let scales: Scales
    let activation: ModelFamily.Activation
    package let kernels: Kernels
    let weights: TransformerWeights
    let headNorms: ModelFamily.HeadNorms
    /// [layers] Positions that attention reaches back; very many where there is no window.
    let windows: UnsafeMutablePointer<Int32>
    package let scratch: TransformerScratch

    /// - Parameter heads: matrices that `scratch.hidden` is multiplied with after the last layer.
    package init(
        _ config: TransformerConfig, _ family: ModelFamily, _ weights: TransformerWeights, heads: [spk_matrix] = [],
        kernels: Kernels, rows: Int, workers: Int, ropeFactors: UnsafePointer<Float>? = nil
    ) throws(OutOfMemory) {
        self.config = config
        scales = config.scales
        activation = family.activation
        self.kernels = kernels
        self.weights = weights
        headNorms = family.headNorms
        windows = .allocate(capacity: config.layers)
        for (layer, window) in config.windows.enumerated() { windows[layer] = Int32(window ?? 1 << 30) }
        scratch = try TransformerScratch.make(
            config, weights.readers(heads: heads), rows: rows, workers: workers, ropeFactors: ropeFactors,
            convolution: family.convolution)
    }

    deinit { windows.deallocate() }

    /// Runs one layer over all rows of the batch.
    /// - Parameter head: what is read after the last layer.
    package func forward(
        layer index: Int, _ batch: RowBatch, _ worker: inout Worker, before head: UnsafePointer<UInt8>
    ) {
        let layer = weights[index]
        let normed = normalize(batch, layer.attentionNorm, layer.attentionConvolution, &worker)  // [rows, hidden]
        forward(layer: index, attending: normed, batch, &worker, before: head)  // x [rows, hidden]
    }

    /// The same, where attention reads other rows than those of the residual stream.
    /// - Parameter inputs: [rows, the family's attention inputs · hidden]
    package func forward(
        layer index: Int, attending inputs: spk_activations, _ batch: RowBatch, _ worker: inout Worker,
        before head: UnsafePointer<UInt8>
    ) {
        let rows = batch.rowCount
        let layer = weights[index]
        let next: UnsafePointer<UInt8> = index + 1 < weights.count ? weights[index + 1].query.data : head
        let fed = Branch(
            layer.down, layer.downBias, layer.feedForwardPostNorm, layer.feedForwardConvolution,
            scale: scales.residual, next: next)
        addAttention(layer: index, inputs, batch, &worker)  // x [rows, hidden]
        let gated = normalize(batch, layer.feedForwardNorm, layer.feedForwardConvolution, &worker)  // [rows, hidden]
        if let router = layer.router, let experts = scratch.experts {
            return addExperts(layer, router, experts, fed, gated, rows, &worker)  // x [rows, hidden]
        }
        gateFeedForward(layer, gated, rows, &worker)  // feedForward [rows, feedForward]
        add(fed, scratch.feedForward, batch, &worker)  // x [rows, hidden]
    }

    /// The first half of a layer, up to its feed-forward network.
    package func attend(layer index: Int, _ batch: RowBatch, _ worker: inout Worker) {
        let layer = weights[index]
        let normed = normalize(batch, layer.attentionNorm, layer.attentionConvolution, &worker)  // [rows, hidden]
        addAttention(layer: index, normed, batch, &worker)  // x [rows, hidden]
    }

    private func addAttention(
        layer index: Int, _ inputs: spk_activations, _ batch: RowBatch, _ worker: inout Worker
    ) {
        let layer = weights[index]
        let attended = Branch(
            layer.output, layer.outputBias, layer.attentionPostNorm, layer.attentionConvolution,
            scale: scales.residual * scales.attended, next: (layer.router ?? layer.gate).data)
        projectHeads(index, inputs, batch, &worker)  // query [rows, heads · dim]; keys, values cached
        attend(index, batch, &worker)  // attention [rows, heads · dim]
        add(attended, scratch.attention, batch, &worker)  // x [rows, hidden]
    }

    /// Computes only keys and values: those layer `index` would have for the rows' tokens if its input were `normed`.
    package func inject(
        layer index: Int, _ normed: spk_activations, _ batch: RowBatch, _ worker: inout Worker
    ) {
        projectHeads(index, normed, batch, &worker, keysAndValuesOnly: true)
    }

    /// x = the tokens' embedding rows; also computes the rotations of their positions.
    package func embed(_ batch: RowBatch, _ embedding: spk_matrix, _ worker: inout Worker) {
        withUnsafePointer(to: embedding) { embedding in
            for row in worker.share(of: batch.rowCount) {
                let x = scratch.x + row * config.hidden
                spk_unpack_row(embedding, batch.rows[row].token, x)
                if scales.embedding != 1 { for i in 0..<config.hidden { x[i] *= scales.embedding } }
                setRotation(row, position: Int(batch.rows[row].position))
                scratch.isDamaged[row] = 0
            }
        }
        worker.barrier()
    }

    /// Computes the rotations of the rows' positions, for hidden states that do not come from an embedding.
    package func rotate(_ batch: RowBatch, _ worker: inout Worker) {
        for row in worker.share(of: batch.rowCount) { setRotation(row, position: Int(batch.rows[row].position)) }
    }

    private func setRotation(_ row: Int, position: Int) {
        for table in scratch.rotations { table.set(row: row, position: position) }
        scratch.queryFactors[row] = scales.temperature?.factor(position: position) ?? 1
    }

    /// Normalises rows. If they are few, every worker does it for itself, which is faster than a barrier.
    package func normalize(
        _ rows: Int, _ weight: UnsafePointer<Float>?, _ worker: inout Worker
    ) -> spk_activations {
        let isShared = rows > TransformerScratch.ownRows
        let normed = isShared ? scratch.hidden : scratch.ownHidden[worker.index]
        for row in isShared ? worker.share(of: rows) : 0..<rows {
            normalize(scratch.x + row * config.hidden, weight, into: normed, row, worker)
        }
        if isShared { worker.barrier() }
        return normed
    }

    /// - Parameter weight: nil where the row goes in as it is.
    package func normalize(
        _ x: UnsafePointer<Float>, _ weight: UnsafePointer<Float>?, into output: spk_activations, _ row: Int,
        _ worker: Worker
    ) {
        let normed = scratch.normed + worker.index * config.hidden
        let count = Int32(config.hidden)
        if let weight { kernels.table.pointee.rms_norm(x, weight, count, config.epsilon, normed) }
        let input = weight == nil ? x : UnsafePointer(normed)
        withUnsafePointer(to: output) { kernels.table.pointee.quantize(input, 0, count, Int32(row), $0) }
    }

    /// Chunks of about 32 KB: small enough to balance the load, large enough that claiming one is free.
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

    /// Quantises what workers computed in parts narrower than the columns that share a scale.
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
