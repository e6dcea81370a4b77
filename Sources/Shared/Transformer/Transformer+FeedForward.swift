import CKernels

extension Transformer {
    /// feedForward = f(gate · normed) ⊙ up · normed (Shazeer 2020), with biases where there are any.
    func gateFeedForward(
        _ layer: TransformerWeights.Layer, _ normed: spk_activations, _ rows: Int, _ worker: inout Worker
    ) {
        if rows <= TransformerScratch.ownRows {
            gateInOneStream(layer, normed, rows, &worker)
        } else {
            gateInTiles(layer, normed, rows, &worker)
        }
    }

    /// Few rows are bound by reading weights, so these are read in runs as long as possible.
    private func gateInOneStream(
        _ layer: TransformerWeights.Layer, _ normed: spk_activations, _ rows: Int, _ worker: inout Worker
    ) {
        let width = config.feedForward
        let chunk = max(1, panelsPerChunk(layer.gate) / 2) * 32
        let isShared = !chunk.isMultiple(of: Int(scratch.feedForward.span))
        worker.forEachChunk(of: width, chunk: chunk) { columns, next in
            let panels = columns.lowerBound / 16..<columns.upperBound / 16
            let following = next.map { layer.gate.panel($0.lowerBound / 16) } ?? layer.down.data
            multiply(
                layer.gate, normed, rows, panels, before: layer.up.panel(panels.lowerBound), into: scratch.gate,
                stride: width)
            multiply(layer.up, normed, rows, panels, before: following, into: scratch.up, stride: width)
            let first = columns.lowerBound
            activate(
                layer, columns, 0..<rows, scratch.gate + first, scratch.up + first, stride: width,
                isQuantized: !isShared)
        }
        worker.barrier()
        if isShared { quantize(scratch.gate, rows, into: scratch.feedForward, &worker) }
    }

    /// Many rows are bound by the products, so their results are used before they leave the cache.
    private func gateInTiles(
        _ layer: TransformerWeights.Layer, _ normed: spk_activations, _ rows: Int, _ worker: inout Worker
    ) {
        let width = scratch.tileColumns
        let (gateTile, upTile) = scratch.tiles(of: worker.index)
        let rowTiles = (rows - 1) / TransformerScratch.tileRows + 1
        let columnTiles = (config.feedForward - 1) / width + 1
        worker.forEachChunk(of: columnTiles * rowTiles, chunk: 1) { parts, next in
            for part in parts {
                let first = part / rowTiles * width
                let columns = first..<min(first + width, config.feedForward)
                let row = part % rowTiles * TransformerScratch.tileRows
                let tile = row..<min(row + TransformerScratch.tileRows, rows)
                let (gate, up) = (layer.gate.from(panel: first / 16), layer.up.from(panel: first / 16))
                let following = part + 1 < parts.upperBound ? part + 1 : next?.lowerBound
                let afterwards = following.map { layer.gate.panel($0 / rowTiles * width / 16) } ?? layer.down.data
                let (inputs, panels) = (normed.from(row: row), 0..<columns.count / 16)
                multiply(gate, inputs, tile.count, panels, before: up.data, into: gateTile, stride: width)
                multiply(up, inputs, tile.count, panels, before: afterwards, into: upTile, stride: width)
                activate(layer, columns, tile, gateTile, upTile, stride: width)
            }
        }
        worker.barrier()
    }

    /// Activates some columns of some rows; the pointers are those of the first row.
    func activate(
        _ layer: TransformerWeights.Layer, _ columns: Range<Int>, _ rows: Range<Int>,
        _ gate: UnsafeMutablePointer<Float>,
        _ up: UnsafeMutablePointer<Float>, stride: Int, isQuantized: Bool = true
    ) {
        withUnsafePointer(to: scratch.feedForward) { output in
            for row in rows {
                let offset = (row - rows.lowerBound) * stride
                if let bias = layer.gateBias { add(bias, columns, to: gate + offset) }
                if let bias = layer.upBias { add(bias, columns, to: up + offset) }
                kernels.table.pointee.gate_quantize(
                    activation.kernel, gate + offset, up + offset, Int32(columns.lowerBound), Int32(columns.upperBound),
                    Int32(row),
                    isQuantized ? output : nil)
            }
        }
    }

    private func add(_ bias: UnsafePointer<Float>, _ columns: Range<Int>, to values: UnsafeMutablePointer<Float>) {
        for column in columns { values[column - columns.lowerBound] += bias[column] }
    }
}
