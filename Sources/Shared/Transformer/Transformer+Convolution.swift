import CKernels

extension Transformer {
    /// Normalises rows, and lets each read those before it where the layer has a convolution there. Its coefficients stay in
    /// the scratch for what comes out of the branch.
    func normalize(
        _ batch: RowBatch, _ weight: UnsafePointer<Float>?, _ convolution: Convolution?, _ worker: inout Worker
    ) -> spk_activations {
        let rows = batch.rowCount
        guard let convolution, let weight, let memory = scratch.convolution else {
            return normalize(rows, weight, &worker)
        }
        let count = Int32(config.hidden)
        for row in worker.share(of: rows) {
            let normed = memory.input + row * config.hidden
            kernels.table.pointee.rms_norm(scratch.x + row * config.hidden, weight, count, config.epsilon, normed)
            withUnsafePointer(to: scratch.hidden) { kernels.table.pointee.quantize(normed, 0, count, Int32(row), $0) }
        }
        worker.barrier()
        let projection = convolution.projection
        worker.forEachChunk(of: memory.stride / Int(SPK_LANES), chunk: panelsPerChunk(projection)) { panels, next in
            multiply(
                projection, scratch.hidden, rows, panels, before: next.map { projection.panel($0.lowerBound) },
                into: memory.coefficients, stride: memory.stride)
        }
        worker.barrier()
        let output = scratch.normed + worker.index * config.hidden
        for row in worker.share(of: rows) {
            convolution.read(
                memory.input + row * config.hidden, reach: reach(of: row, batch),
                memory.coefficients + row * memory.stride, .before, hidden: config.hidden, into: output)
            withUnsafePointer(to: scratch.hidden) { kernels.table.pointee.quantize(output, 0, count, Int32(row), $0) }
        }
        worker.barrier()
        return scratch.hidden
    }

    /// x += scale · the convolution of what came out of a branch.
    func finish(_ branch: Branch, _ convolution: Convolution, _ batch: RowBatch, _ worker: inout Worker) {
        guard let memory = scratch.convolution else { return }
        let output = scratch.normed + worker.index * config.hidden
        for row in worker.share(of: batch.rowCount) {
            convolution.read(
                scratch.branch + row * config.hidden, reach: reach(of: row, batch),
                memory.coefficients + row * memory.stride, .after, hidden: config.hidden, into: output)
            let x = scratch.x + row * config.hidden
            for i in 0..<config.hidden { x[i] += branch.scale * output[i] }
        }
        worker.barrier()
    }

    /// How many rows of its sequence stand before a row in the pass.
    private func reach(of row: Int, _ batch: RowBatch) -> Int {
        row - batch.segments[Int(batch.rows[row].segment)].firstRow
    }
}
