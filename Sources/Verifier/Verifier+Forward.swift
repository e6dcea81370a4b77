import CKernels
import SpeculateShared

extension Verifier {
    /// One pass over all rows of the batch. Afterwards the caches hold the rows, and `likeliest`, `hiddenStates` and, where
    /// they were asked for, `logits` their results.
    package func forward(_ batch: RowBatch) {
        precondition(batch.rowCount <= Self.maximumRows)
        searched = batch.needsLogits ? nil : search.flatMap { batch.logitRowCount <= $0.maximumRows ? $0 : nil }
        let head: UnsafePointer<UInt8> = (searched?.bound ?? weights.output).data
        pool.run { worker in
            transformer.embed(batch, weights.embedding, &worker)  // x [rows, hidden]
            for index in 0..<config.layers {
                transformer.forward(layer: index, batch, &worker, before: head)  // x [rows, hidden]
                tap(index, batch.rowCount, &worker)  // tapped [rows, taps, hidden]
            }
            project(batch, &worker)  // logits [logit rows, vocabulary], or the likeliest tokens alone
        }
        batch.commit()
    }

    private func tap(_ index: Int, _ rows: Int, _ worker: inout Worker) {
        for (tap, layer) in taps.enumerated() where layer == index {
            for row in worker.share(of: rows) {
                (tapped + (row * taps.count + tap) * config.hidden)
                    .update(from: transformer.state.x + row * config.hidden, count: config.hidden)
            }
        }
    }

    /// Only rows whose logits were asked for go through the head.
    private func project(_ batch: RowBatch, _ worker: inout Worker) {
        guard batch.logitRowCount > 0 else { return }
        for index in worker.share(of: batch.logitRowCount) {
            let row = Int(batch.logitRows[index])
            let x = transformer.state.x + row * config.hidden
            if transformer.state.isDamaged[row] != 0 { x[0] = .nan }  // And so every logit.
            transformer.normalize(x, weights.outputNorm, into: headInput, index, worker)
        }
        worker.barrier()
        if let searched { return searched.bound(rows: batch.logitRowCount, &worker) }
        let chunk = 8 * transformer.panelsPerChunk(weights.output)
        worker.forEachChunk(of: weights.output.panels, chunk: chunk) { panels, next in
            transformer.multiply(
                weights.output, headInput, batch.logitRowCount, panels,
                before: next.map { weights.output.panel($0.lowerBound) }, into: logits,
                stride: logitStride)
        }
    }
}
