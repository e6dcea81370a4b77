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
        let afterwards = keysAndValuesOnly ? nil : layer.output.data
        worker.forEachChunk(of: config.heads + 2 * config.kvHeads - first, chunk: 1) { units, next in
            for unit in units {
                let following = unit + 1 < units.upperBound ? unit + 1 : next?.lowerBound
                let next = following.map { weights(of: first + $0, layer) } ?? afterwards
                projectHead(first + unit, index, layer, normed, batch, before: next)
            }
        }
        worker.barrier()
    }

    private func projectHead(
        _ unit: Int, _ index: Int, _ layer: TransformerLayers.Layer, _ normed: spk_activations, _ batch: RowBatch,
        before next: UnsafePointer<UInt8>?
    ) {
        let c = config
        let (part, head) = part(unit, of: layer)
        let panels = head * c.headDimension / 16..<(head + 1) * c.headDimension / 16
        multiply(
            part.matrix, normed, batch.rowCount, panels, before: next, into: part.output, stride: part.width)
        for row in 0..<batch.rowCount {
            let vector = part.output + row * part.width + head * c.headDimension
            finishHead(vector, part, head, row)
            guard part.role != .query else { continue }
            if !isFinite(vector) { state.isDamaged[row] = 1 }
            let cell = Int(batch.rows[row].cell)
            let cells = batch.segments[Int(batch.rows[row].segment)].cache.cells(index, head, at: cell)
            withUnsafePointer(to: cells) { cells in
                let store = part.role == .key ? kernels.table.pointee.store_key : kernels.table.pointee.store_value
                store!(vector, cells, Int32(cell % Int(SPK_STRETCH)))
            }
        }
    }

    /// Where the weights of a unit begin.
    private func weights(of unit: Int, _ layer: TransformerLayers.Layer) -> UnsafePointer<UInt8> {
        let (part, head) = part(unit, of: layer)
        return part.matrix.panel(head * config.headDimension / 16)
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

    private func isFinite(_ vector: UnsafePointer<Float>) -> Bool {
        var greatest: UInt32 = 0
        for i in 0..<config.headDimension { greatest = max(greatest, vector[i].bitPattern & 0x7fff_ffff) }
        return greatest < 0x7f80_0000
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
}
