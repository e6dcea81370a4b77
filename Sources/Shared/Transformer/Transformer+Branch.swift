import CKernels

extension Transformer {
    /// What attention or the feed-forward network adds to the residual stream: scale · norm(matrix · activations + bias), or
    /// scale · the convolution of the products.
    struct Branch {
        let matrix: spk_matrix
        let bias: UnsafePointer<Float>?
        let norm: UnsafePointer<Float>?
        let convolution: Convolution?
        let scale: Float
        /// What is read after it.
        let next: UnsafePointer<UInt8>

        init(
            _ matrix: spk_matrix, _ bias: UnsafePointer<Float>?, _ norm: UnsafePointer<Float>?,
            _ convolution: Convolution?, scale: Float, next: UnsafePointer<UInt8>
        ) {
            self.matrix = matrix
            self.bias = bias
            self.norm = norm
            self.convolution = convolution
            self.scale = scale
            self.next = next
        }
    }

    /// Adds a branch to x, [rows, hidden].
    func add(_ branch: Branch, _ activations: spk_activations, _ batch: RowBatch, _ worker: inout Worker) {
        let rows = batch.rowCount
        // Where products are all of it, they are added to x as they come.
        let isPlain =
            branch.bias == nil && branch.norm == nil && branch.convolution == nil && branch.scale == 1
        let output = isPlain ? scratch.x : scratch.branch
        let chunk = panelsPerChunk(branch.matrix)
        worker.forEachChunk(of: Int(branch.matrix.outputs) / 16, chunk: chunk) { panels, next in
            multiply(
                branch.matrix, activations, rows, panels,
                before: next.map { branch.matrix.panel($0.lowerBound) } ?? branch.next, into: output,
                stride: config.hidden, accumulating: isPlain)
        }
        worker.barrier()
        if let convolution = branch.convolution {
            finish(branch, convolution, batch, &worker)
        } else if !isPlain {
            finish(branch, rows, &worker)
        }
    }

    /// Adds the branch, whose products are in `scratch.branch`, to x.
    func finish(_ branch: Branch, _ rows: Int, _ worker: inout Worker) {
        let count = config.hidden
        for row in worker.share(of: rows) {
            let added = scratch.branch + row * count
            if let bias = branch.bias { for i in 0..<count { added[i] += bias[i] } }
            if let norm = branch.norm {
                kernels.table.pointee.rms_norm(added, norm, Int32(count), config.epsilon, added)
            }
            let x = scratch.x + row * count
            for i in 0..<count { x[i] += branch.scale * added[i] }
        }
        worker.barrier()
    }
}
