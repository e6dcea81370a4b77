import CKernels
import SpeculateShared

/// The end of a block diffusion drafter in 32-bit floats, with its gradients written down: the last layer's feed-forward
/// network, the output, and what makes a slot's distribution depend on the token before it.
package final class HeadNetwork {
    package let parameters: HeadParameters
    let scratch: HeadScratch
    let kernels: spk_kernels
    let pool: WorkerPool
    let hidden, wide, vocabulary: Int
    /// The verifier's id of each draft token.
    let draftTokens: [Int32]

    /// - Parameter rows: the most of a batch.
    package init(_ parameters: HeadParameters, draftTokens: [Int32], rows: Int, kernels: Kernels, pool: WorkerPool) {
        self.parameters = parameters
        self.draftTokens = draftTokens
        self.kernels = kernels.table.pointee
        self.pool = pool
        hidden = parameters.norm.count
        wide = parameters.feedForward?.gate.rows ?? 0
        vocabulary = parameters.output.rows
        scratch = HeadScratch(parameters, rows: rows)
    }

    package var maximumRows: Int { scratch.rows }

    /// The likeliest token of every slot, given the token before it.
    package func likeliest(_ batch: HeadBatch) -> [Int32] {
        forward(batch)
        let (s, count) = (scratch, batch.rows)
        pool.run { worker in
            for row in worker.share(of: count) { findLikeliest(row, after: batch.previous[row]) }
        }
        return (0..<count).map { draftTokens[Int(s.likeliest[$0])] }
    }

    /// The weighted sums of the slots' losses and of their acceptances, and adds the loss's gradients to those of the
    /// parameters.
    package func accumulate(_ batch: HeadBatch, _ mix: Mix) -> (loss: Double, acceptance: Double) {
        forward(batch)
        differentiate(batch, mix)
        backward(batch)
        var (loss, acceptance) = (0.0, 0.0)
        for row in 0..<batch.rows {
            loss += Double(batch.weights[row] * scratch.losses[row])
            acceptance += Double(batch.weights[row] * scratch.acceptances[row])
        }
        return (loss, acceptance)
    }

    /// Finds a row's likeliest token after the one before it, and with a selector its candidates and their scores.
    func findLikeliest(_ row: Int, after token: Int32) {
        let s = scratch
        if parameters.selector != nil {
            selectCandidates(row)
            score(row, after: token)
            s.likeliest[row] = s.candidates[row * candidateCount + best(row)]
        } else {
            s.likeliest[row] = kernels.argmax(s.logits + row * vocabulary, Int32(vocabulary))
        }
    }

    /// How probable it is that a draft is accepted at every slot: Σ min(p, q) where tokens are drawn, and whether both
    /// hold the same token the likeliest.
    func acceptances(_ batch: HeadBatch) -> (drawn: [Double], greedy: [Double]) {
        forward(batch)
        differentiate(batch, .standard)
        let rows = 0..<batch.rows
        return (
            rows.map { Double(scratch.acceptances[$0]) },
            rows.map { scratch.likeliest[$0] == batch.tokens[$0 * HeadBatch.width] ? 1 : 0 }
        )
    }

    /// The longest step that the whole gradient may ask for.
    private static let greatestNorm = 1.0

    /// One step of Adam by the mean gradient of some rows, shortened where it is too long; the gradients are forgotten.
    /// - Parameter number: of the step, from 1.
    /// - Returns: false if a gradient is not finite, or a weight no longer fits the file's format.
    package func step(number: Int, rate: Float, rows: Int) -> Bool {
        let norm = parameters.trained.reduce(0) { $0 + $1.squaredNorm }.squareRoot() / Double(rows)
        guard norm.isFinite else { return false }
        let scale = min(1, Self.greatestNorm / max(norm, 1e-12)) / Double(rows)
        let adam = AdamStep(number: number, rate: rate, scale: Float(scale))
        return parameters.trained.reduce(true) { $1.step(adam, pool) && $0 }
    }

    /// inputs → final hidden states, logits, and the selector's gates.
    private func forward(_ batch: HeadBatch) {
        let (s, p, rows) = (scratch, parameters, batch.rows)
        precondition((1...s.rows).contains(rows))
        batch.inputs.withUnsafeBufferPointer { s.inputs.update(from: $0.baseAddress!, count: rows * hidden) }
        var last = s.inputs
        if let network = p.feedForward {
            normalize(s.inputs, network.norm.rounded, rows, into: s.normed)
            Products.forward(s.normed, network.gate.rounded, rows: rows, inputs: hidden, outputs: wide, into: s.gate)
            Products.forward(s.normed, network.up.rounded, rows: rows, inputs: hidden, outputs: wide, into: s.up)
            pool.run { worker in
                for index in worker.share(of: rows * wide) { s.gated[index] = activated(s.gate[index]) * s.up[index] }
            }
            s.mixed.update(from: s.inputs, count: rows * hidden)
            Products.forward(
                s.gated, network.down.rounded, rows: rows, inputs: wide, outputs: hidden, into: s.mixed,
                accumulating: true)
            last = s.mixed
        }
        normalize(last, p.norm.rounded, rows, into: s.final)  // [rows, hidden]
        Products.forward(s.final, p.output.rounded, rows: rows, inputs: hidden, outputs: vocabulary, into: s.logits)
        if let markov = p.markov {
            let rank = markov.output.columns
            for row in 0..<rows {
                (s.previous + row * rank).update(from: markov.embedding.row(Int(batch.previous[row])), count: rank)
            }
            Products.forward(
                s.previous, markov.output.rounded, rows: rows, inputs: rank, outputs: vocabulary, into: s.logits,
                accumulating: true)
        }
        if let selector = p.selector {
            Products.forward(
                s.final, selector.gate.rounded, rows: rows, inputs: hidden, outputs: selector.gate.rows, into: s.gates)
        }
    }

    private func normalize(
        _ x: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, _ rows: Int, into output: UnsafeMutablePointer<Float>
    ) {
        pool.run { worker in
            for row in worker.share(of: rows) {
                kernels.rms_norm(x + row * hidden, weight, Int32(hidden), parameters.epsilon, output + row * hidden)
            }
        }
    }

    private func activated(_ x: Float) -> Float {
        guard parameters.isGelu else { return x / (1 + exp(-x)) }
        return 0.5 * x * (1 + tanh(Self.geluScale * (x + 0.044715 * x * x * x)))
    }

    static let geluScale: Float = 0.7978846  // √(2/π)
}
