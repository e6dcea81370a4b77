import CKernels

extension Transformer {
    /// Queries, keys and values by whole heads: the worker that computes a head also adds its bias, normalises and
    /// rotates it, and stores keys and values in the cache. Where all heads of a row are normalised together, that waits
    /// until they are there.
    func projectHeads(
        _ index: Int, _ normed: spk_activations, _ batch: RowBatch, _ worker: inout Worker,
        keysAndValuesOnly: Bool = false
    ) {
        let layer = weights[index]
        // Looked up here: a row must not touch the reference count of an array.
        let rotation = config.ropeOfLayer[index].map { scratch.rotations[$0] }
        let first = keysAndValuesOnly ? config.heads : 0
        let count = config.heads + 2 * config.kvHeads - first
        let afterwards = keysAndValuesOnly ? nil : layer.output.data
        let isTogether = headNorms == .wholeWidth
        worker.forEachChunk(of: count, chunk: 1) { units, next in
            for unit in units {
                let following = unit + 1 < units.upperBound ? unit + 1 : next?.lowerBound
                let next = following.map { firstPanel(of: first + $0, layer) } ?? afterwards
                let (part, head) = part(first + unit, of: layer)
                project(part, head, normed, batch.rowCount, before: next)
                if !isTogether { finish(part, head, index, rotation, batch) }
            }
        }
        worker.barrier()
        guard isTogether else { return }
        normalizeTogether(layer, batch.rowCount, worker)
        worker.barrier()
        worker.forEachChunk(of: count, chunk: 1) { units, _ in
            for unit in units {
                let (part, head) = part(first + unit, of: layer)
                finish(part, head, index, rotation, batch)
            }
        }
        worker.barrier()
    }

    /// One head of all rows, its bias included.
    private func project(
        _ part: HeadPart, _ head: Int, _ normed: spk_activations, _ rows: Int, before next: UnsafePointer<UInt8>?
    ) {
        let dimension = config.headDimension
        let panels = head * dimension / 16..<(head + 1) * dimension / 16
        multiply(part.matrix, normed, rows, panels, before: next, into: part.output, stride: part.width)
        guard let bias = part.bias else { return }
        for row in 0..<rows {
            let vector = part.output + row * part.width + head * dimension
            for i in 0..<dimension { vector[i] += bias[head * dimension + i] }
        }
    }

    private func normalizeTogether(_ layer: TransformerWeights.Layer, _ rows: Int, _ worker: Worker) {
        for row in worker.share(of: rows) {
            for (vectors, width, norm) in [
                (scratch.query, config.queryWidth, layer.queryNorm), (scratch.key, config.kvWidth, layer.keyNorm),
            ] {
                guard let norm else { continue }
                let vector = vectors + row * width
                kernels.table.pointee.rms_norm(vector, norm, Int32(width), config.epsilon, vector)
            }
        }
    }

    /// Normalises and rotates one head of all rows, and stores keys and values.
    private func finish(_ part: HeadPart, _ head: Int, _ index: Int, _ rotation: RotationTable?, _ batch: RowBatch) {
        let dimension = config.headDimension
        for row in 0..<batch.rowCount {
            let vector = part.output + row * part.width + head * dimension
            if headNorms == .perHead, let norm = part.norm {
                kernels.table.pointee.rms_norm(vector, norm, Int32(dimension), config.epsilon, vector)
            }
            if part.role != .value, let rotation {
                kernels.table.pointee.rope(
                    vector, Int32(rotation.dimensions), rotation.cosines(row: row), rotation.sines(row: row),
                    rotation.isInterleaved)
            }
            if part.role == .query {
                let factor = scratch.queryFactors[row]
                if factor != 1 { for i in 0..<dimension { vector[i] *= factor } }
            } else {
                store(vector, part.role, head, index, row, batch)
            }
        }
    }

    private func store(
        _ vector: UnsafeMutablePointer<Float>, _ role: HeadPart.Role, _ head: Int, _ index: Int, _ row: Int,
        _ batch: RowBatch
    ) {
        if !isFinite(vector) { scratch.isDamaged[row] = 1 }
        let cell = Int(batch.rows[row].cell)
        let cells = batch.segments[Int(batch.rows[row].segment)].cache.cells(index, head, at: cell)
        withUnsafePointer(to: cells) { cells in
            let store = role == .key ? kernels.table.pointee.store_key : kernels.table.pointee.store_value
            store!(vector, cells, Int32(cell % Int(SPK_STRETCH)))
        }
    }

    /// The address of a unit's weights.
    private func firstPanel(of unit: Int, _ layer: TransformerWeights.Layer) -> UnsafePointer<UInt8> {
        let (part, head) = part(unit, of: layer)
        return part.matrix.panel(head * config.headDimension / 16)
    }

    /// How the projections to queries, keys and values differ.
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
    private func part(_ unit: Int, of layer: TransformerWeights.Layer) -> (HeadPart, head: Int) {
        if unit < config.heads {
            let part = HeadPart(
                role: .query, matrix: layer.query, bias: layer.queryBias, norm: layer.queryNorm, output: scratch.query,
                width: config.queryWidth)
            return (part, unit)
        }
        if unit < config.heads + config.kvHeads {
            let part = HeadPart(
                role: .key, matrix: layer.key, bias: layer.keyBias, norm: layer.keyNorm, output: scratch.key,
                width: config.kvWidth)
            return (part, unit - config.heads)
        }
        let part = HeadPart(
            role: .value, matrix: layer.value, bias: layer.valueBias, norm: nil, output: scratch.value,
            width: config.kvWidth)
        return (part, unit - config.heads - config.kvHeads)
    }

    private func isFinite(_ vector: UnsafePointer<Float>) -> Bool {
        var greatest: UInt32 = 0
        for i in 0..<config.headDimension { greatest = max(greatest, vector[i].bitPattern & 0x7fff_ffff) }
        return greatest < 0x7f80_0000
    }
}
