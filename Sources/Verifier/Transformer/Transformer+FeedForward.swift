import CKernels
import SpeculateShared

extension Transformer {
    /// feedForward = silu(gate · normed) ⊙ up · normed (Shazeer 2020).
    func gateFeedForward(
        _ layer: TransformerLayers.Layer, _ normed: spk_activations, _ rows: Int, _ worker: inout Worker
    ) {
        if rows <= TransformerState.ownRows {
            gateInOneStream(layer, normed, rows, &worker)
        } else {
            gateInTiles(layer, normed, rows, &worker)
        }
    }

    /// Few rows wait for the weights: these are read in runs as long as can be.
    private func gateInOneStream(
        _ layer: TransformerLayers.Layer, _ normed: spk_activations, _ rows: Int, _ worker: inout Worker
    ) {
        let width = config.feedForward
        let chunk = max(1, panelsPerChunk(layer.gate) / 2) * 32
        let isShared = !chunk.isMultiple(of: Int(state.feedForward.span))
        worker.forEachChunk(of: width, chunk: chunk) { columns, next in
            let panels = columns.lowerBound / 16..<columns.upperBound / 16
            let following = next.map { layer.gate.panel($0.lowerBound / 16) } ?? layer.down.data
            multiply(
                layer.gate, normed, rows, panels, before: layer.up.panel(panels.lowerBound), into: state.gate,
                stride: width)
            multiply(layer.up, normed, rows, panels, before: following, into: state.up, stride: width)
            let first = columns.lowerBound
            activate(
                columns, 0..<rows, state.gate + first, state.up + first, stride: width, isQuantized: !isShared)
        }
        worker.barrier()
        if isShared { quantize(state.gate, rows, into: state.feedForward, &worker) }
    }

    /// Many rows wait for nothing but the products: what these give is used up before it leaves the cache.
    private func gateInTiles(
        _ layer: TransformerLayers.Layer, _ normed: spk_activations, _ rows: Int, _ worker: inout Worker
    ) {
        let width = state.tileColumns
        let (gateTile, upTile) = state.tiles(of: worker.index)
        let rowTiles = (rows - 1) / TransformerState.tileRows + 1
        let columnTiles = (config.feedForward - 1) / width + 1
        worker.forEachChunk(of: columnTiles * rowTiles, chunk: 1) { parts, next in
            for part in parts {
                let first = part / rowTiles * width
                let columns = first..<min(first + width, config.feedForward)
                let row = part % rowTiles * TransformerState.tileRows
                let tile = row..<min(row + TransformerState.tileRows, rows)
                let (gate, up) = (layer.gate.from(panel: first / 16), layer.up.from(panel: first / 16))
                let following = part + 1 < parts.upperBound ? part + 1 : next?.lowerBound
                let afterwards = following.map { layer.gate.panel($0 / rowTiles * width / 16) } ?? layer.down.data
                let (inputs, panels) = (normed.from(row: row), 0..<columns.count / 16)
                multiply(gate, inputs, tile.count, panels, before: up.data, into: gateTile, stride: width)
                multiply(up, inputs, tile.count, panels, before: afterwards, into: upTile, stride: width)
                activate(columns, tile, gateTile, upTile, stride: width)
            }
        }
        worker.barrier()
    }

    /// Some columns of some rows, the first of which stand at the pointers.
    private func activate(
        _ columns: Range<Int>, _ rows: Range<Int>, _ gate: UnsafeMutablePointer<Float>,
        _ up: UnsafeMutablePointer<Float>, stride: Int, isQuantized: Bool = true
    ) {
        withUnsafePointer(to: state.feedForward) { output in
            for row in rows {
                let offset = (row - rows.lowerBound) * stride
                kernels.table.pointee.swiglu_quantize(
                    gate + offset, up + offset, Int32(columns.lowerBound), Int32(columns.upperBound), Int32(row),
                    isQuantized ? output : nil)
            }
        }
    }
}
