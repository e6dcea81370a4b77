import CKernels

extension Transformer {
    /// Adds to x what a row's experts make of it, each multiplied with its probability among them (Shazeer et al. 2017): x +=
    /// Σ weight · down · (f(gate · normed) ⊙ up · normed), from the most probable expert to the least. Rows are grouped by
    /// expert, so that a pass reads an expert's weights once, and none of those that no row goes to.
    func addExperts(
        _ layer: TransformerWeights.Layer, _ router: spk_matrix, _ experts: ExpertScratch, _ branch: Branch,
        _ normed: spk_activations, _ rows: Int, _ worker: inout Worker
    ) {
        route(router, experts, normed, rows, before: layer.gate.data, &worker)  // places, weights [rows, used]
        gather(normed, experts, rows, &worker)  // input [places, hidden]
        gateExperts(layer, experts, &worker)  // feedForward [places, feedForward]
        projectExperts(layer.down, experts, before: branch.next, &worker)  // output [places, hidden]
        for row in worker.share(of: rows) { mix(row, experts) }  // branch [rows, hidden]
        finish(branch, rows, &worker)  // x [rows, hidden]
    }

    private func route(
        _ router: spk_matrix, _ experts: ExpertScratch, _ normed: spk_activations, _ rows: Int,
        before afterwards: UnsafePointer<UInt8>, _ worker: inout Worker
    ) {
        worker.forEachChunk(of: router.panels, chunk: 1) { panels, next in
            multiply(
                router, normed, rows, panels, before: next.map { router.panel($0.lowerBound) } ?? afterwards,
                into: experts.scores, stride: experts.scoreStride)
        }
        worker.barrier()
        for row in worker.share(of: rows) { experts.choose(row, kernels.table.pointee) }
        worker.barrier()
        if worker.index == 0 { experts.group(rows: rows) }
        worker.barrier()
    }

    /// Quantises every row once more for each of its experts, which is a small part of the work there.
    private func gather(
        _ normed: spk_activations, _ experts: ExpertScratch, _ rows: Int, _ worker: inout Worker
    ) {
        let count = Int32(config.hidden)
        withUnsafePointer(to: experts.input) { input in
            for visit in worker.share(of: rows * experts.used) {
                let values = normed.values + visit / experts.used * config.hidden
                kernels.table.pointee.quantize(values, 0, count, Int32(experts.places[visit]), input)
            }
        }
        worker.barrier()
    }

    /// A tile of the rows and columns that one expert computes.
    private struct ExpertTile {
        var gate, up: spk_matrix
        var rows, columns: Range<Int>
    }

    private func expertTile(
        _ part: Int, _ layer: TransformerWeights.Layer, _ experts: ExpertScratch
    ) -> ExpertTile {
        let (width, columnTiles) = (scratch.tileColumns, columnTiles)
        let group = experts.group(ofPart: part, columns: columnTiles)
        let tiles = ExpertScratch.tiles(group.count)
        let place = part - group.tilesBefore * columnTiles
        let column = place / tiles * width
        let row = place % tiles * TransformerScratch.tileRows
        let count = min(group.count - row, TransformerScratch.tileRows)
        let panel = (group.expert * config.feedForward + column) / Int(SPK_LANES)
        return ExpertTile(
            gate: layer.gate.from(panel: panel), up: layer.up.from(panel: panel),
            rows: group.first + row..<group.first + row + count,
            columns: column..<min(column + width, config.feedForward))
    }

    private var columnTiles: Int { (config.feedForward - 1) / scratch.tileColumns + 1 }

    private func gateExperts(
        _ layer: TransformerWeights.Layer, _ experts: ExpertScratch, _ worker: inout Worker
    ) {
        let width = scratch.tileColumns
        let (gateTile, upTile) = scratch.tiles(of: worker.index)
        worker.forEachChunk(of: experts.totals.pointee.tiles * columnTiles, chunk: 1) { parts, next in
            for part in parts {
                let tile = expertTile(part, layer, experts)
                let following = part + 1 < parts.upperBound ? part + 1 : next?.lowerBound
                let afterwards =
                    following.map { expertTile($0, layer, experts).gate } ?? expert(0, of: layer.down, experts)
                let (inputs, panels) = (
                    experts.input.from(row: tile.rows.lowerBound), 0..<tile.columns.count / Int(SPK_LANES)
                )
                multiply(
                    tile.gate, inputs, tile.rows.count, panels, before: tile.up.data, into: gateTile, stride: width)
                multiply(
                    tile.up, inputs, tile.rows.count, panels, before: afterwards.data, into: upTile, stride: width)
                activate(layer, tile.columns, tile.rows, gateTile, upTile, stride: width)
            }
        }
        worker.barrier()
    }

    /// The part of all experts' down matrices that a group reads.
    private func expert(_ group: Int, of down: spk_matrix, _ experts: ExpertScratch) -> spk_matrix {
        down.rows(experts.groups[group].expert * config.hidden, config.hidden)
    }

    private func projectExperts(
        _ down: spk_matrix, _ experts: ExpertScratch, before afterwards: UnsafePointer<UInt8>,
        _ worker: inout Worker
    ) {
        let panels = config.hidden / Int(SPK_LANES)
        let chunk = min(panelsPerChunk(down), panels)
        let chunks = (panels - 1) / chunk + 1
        worker.forEachChunk(of: experts.totals.pointee.groups * chunks, chunk: 1) { parts, next in
            for part in parts {
                let group = experts.groups[part / chunks]
                let matrix = expert(part / chunks, of: down, experts)
                let first = part % chunks * chunk
                let following = part + 1 < parts.upperBound ? part + 1 : next?.lowerBound
                multiply(
                    matrix, scratch.feedForward.from(row: group.first), group.count,
                    first..<min(first + chunk, panels),
                    before: following.map { expert($0 / chunks, of: down, experts).panel($0 % chunks * chunk) }
                        ?? afterwards,
                    into: experts.output + group.first * config.hidden, stride: config.hidden)
            }
        }
        worker.barrier()
    }

    private func mix(_ row: Int, _ experts: ExpertScratch) {
        let (places, weights) = (experts.places + row * experts.used, experts.weights + row * experts.used)
        let (mixed, count) = (scratch.branch + row * config.hidden, config.hidden)
        for rank in 0..<experts.used {
            let (weight, output) = (weights[rank], experts.output + places[rank] * count)
            if rank == 0 {
                for i in 0..<count { mixed[i] = weight * output[i] }
            } else {
                for i in 0..<count { mixed[i] += weight * output[i] }
            }
        }
    }
}
