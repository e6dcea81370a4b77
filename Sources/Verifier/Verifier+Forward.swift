import CKernels
import SpeculateShared

extension Verifier {
    /// One pass over all rows of the batch; the caches then hold them. The result is valid until the next pass.
    @discardableResult
    package func forward(_ batch: RowBatch) -> PassResult {
        precondition(batch.rowCount <= Self.maximumRows)
        clock.advance()
        let search = batch.needsLogits ? nil : search.flatMap { batch.logitRowCount <= $0.maximumRows ? $0 : nil }
        let head: UnsafePointer<UInt8> = (search?.bound ?? weights.output).data
        pool.run { worker in
            transformer.embed(batch, weights.embedding, &worker)  // x [rows, hidden]
            for index in 0..<config.layers {
                transformer.forward(layer: index, batch, &worker, before: head)  // x [rows, hidden]
                tap(index, batch.rowCount, &worker)  // tapped [rows, taps, hidden]
            }
            normalizeForHead(batch, &worker)  // headInput [logit rows, hidden]
            project(batch.logitRowCount, search, &worker)  // logits [logit rows, vocabulary], or their bounds
        }
        batch.commit()
        return PassResult(
            logitRows: (0..<batch.logitRowCount).map { Int(batch.logitRows[$0]) }, vocabulary: config.vocabulary,
            logits: scratch.logits,
            stride: scratch.logitStride, search: search,
            hiddenStates: HiddenStates(
                scratch.tapped, rowCount: batch.rowCount, width: taps.count * config.hidden, clock: clock),
            kernels: kernels, clock: clock)
    }

    private func tap(_ index: Int, _ rows: Int, _ worker: inout Worker) {
        for (tap, layer) in taps.enumerated() where layer == index {
            for row in worker.share(of: rows) {
                (scratch.tapped + (row * taps.count + tap) * config.hidden)
                    .update(from: transformer.scratch.x + row * config.hidden, count: config.hidden)
            }
        }
    }

    /// Only rows whose logits were asked for go through the head.
    private func normalizeForHead(_ batch: RowBatch, _ worker: inout Worker) {
        guard batch.logitRowCount > 0 else { return }
        for index in worker.share(of: batch.logitRowCount) {
            let row = Int(batch.logitRows[index])
            let x = transformer.scratch.x + row * config.hidden
            if transformer.scratch.isDamaged[row] != 0 { x[0] = .nan }  // And so every logit.
            transformer.normalize(x, weights.outputNorm, into: scratch.headInput, index, worker)
        }
        worker.barrier()
    }

    private func project(_ rows: Int, _ search: LikeliestSearch?, _ worker: inout Worker) {
        guard rows > 0 else { return }
        if let search { return search.bound(rows: rows, &worker) }
        let output = weights.output
        let chunk = 8 * transformer.panelsPerChunk(output)
        worker.forEachChunk(of: output.panels, chunk: chunk) { panels, next in
            transformer.multiply(
                output, scratch.headInput, rows, panels, before: next.map { output.panel($0.lowerBound) },
                into: scratch.logits, stride: scratch.logitStride)
            guard config.scales.logits != 1 else { return }
            for row in 0..<rows {
                for index in panels.lowerBound * Int(SPK_LANES)..<panels.upperBound * Int(SPK_LANES) {
                    scratch.logits[row * scratch.logitStride + index] *= config.scales.logits
                }
            }
        }
    }
}
