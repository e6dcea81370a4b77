import SpeculateShared

extension HeadNetwork {
    /// From the gradient by the logits to those by all parameters, which it is added to.
    func backward(_ batch: HeadBatch) {
        let (s, p, rows) = (scratch, parameters, batch.rows)
        guard p.trainsBody else {
            if let markov = p.markov { backward(markov, batch) }
            if let selector = p.selector { backward(selector, batch) }
            return
        }
        Products.byInputs(
            s.logits, p.output.rounded, rows: rows, inputs: hidden, outputs: vocabulary, into: s.byHidden)
        if p.trainsOutput {
            Products.byWeights(
                s.logits, s.final, rows: rows, inputs: hidden, outputs: vocabulary, into: p.output.gradient)
        }
        if let markov = p.markov { backward(markov, batch) }
        if let selector = p.selector { backward(selector, batch) }
        let last = p.feedForward == nil ? s.inputs : s.mixed
        backwardNorm(last, p.norm, s.byHidden, rows, into: s.byMixed)
        guard let network = p.feedForward else { return }
        Products.byWeights(
            s.byMixed, s.gated, rows: rows, inputs: wide, outputs: hidden, into: network.down.gradient)
        Products.byInputs(s.byMixed, network.down.rounded, rows: rows, inputs: wide, outputs: hidden, into: s.byGated)
        pool.run { worker in
            for index in worker.share(of: rows * wide) {
                let (value, slope) = activation(s.gate[index])
                let gradient = s.byGated[index]
                s.gate[index] = gradient * s.up[index] * slope
                s.up[index] = gradient * value
            }
        }
        for (matrix, gradient) in [(network.gate, s.gate), (network.up, s.up)] {
            Products.byWeights(
                gradient, s.normed, rows: rows, inputs: hidden, outputs: wide, into: matrix.gradient)
            Products.byInputs(
                gradient, matrix.rounded, rows: rows, inputs: hidden, outputs: wide, into: s.byHidden,
                accumulating: matrix === network.up)
        }
        backwardNorm(s.inputs, network.norm, s.byHidden, rows, into: nil)
    }

    private func backward(_ markov: HeadParameters.Markov, _ batch: HeadBatch) {
        let (s, rows, rank) = (scratch, batch.rows, markov.output.columns)
        Products.byWeights(
            s.logits, s.previous, rows: rows, inputs: rank, outputs: vocabulary, into: markov.output.gradient)
        Products.byInputs(
            s.logits, markov.output.rounded, rows: rows, inputs: rank, outputs: vocabulary, into: s.byPrevious)
        for row in 0..<rows {
            let token = Int(batch.previous[row])
            markov.embedding.use(token)
            let gradient = markov.embedding.gradient(token)
            for index in 0..<rank { gradient[index] += s.byPrevious[row * rank + index] }
        }
    }

    /// y = x / √(mean(x²) + ε) · w: with r = 1 / √(…) and d = dy ⊙ w, dx = r · (d − x · r² · mean(d · x)), dw = Σ dy ⊙ x · r.
    private func backwardNorm(
        _ x: UnsafePointer<Float>, _ weight: Parameter, _ dy: UnsafePointer<Float>, _ rows: Int,
        into dx: UnsafeMutablePointer<Float>?
    ) {
        for row in 0..<rows {
            let (x, dy) = (x + row * hidden, dy + row * hidden)
            var (square, product): (Float, Float) = (0, 0)
            for i in 0..<hidden {
                square += x[i] * x[i]
                product += dy[i] * weight.rounded[i] * x[i]
            }
            let inverse = 1 / (square / Float(hidden) + parameters.epsilon).squareRoot()
            let shrink = inverse * inverse * product / Float(hidden)
            for i in 0..<hidden { weight.gradient[i] += dy[i] * x[i] * inverse }
            guard let dx = dx.map({ $0 + row * hidden }) else { continue }
            for i in 0..<hidden { dx[i] = inverse * (dy[i] * weight.rounded[i] - x[i] * shrink) }
        }
    }

    /// What the gate is put through, and its slope there.
    private func activation(_ x: Float) -> (value: Float, slope: Float) {
        guard parameters.isGelu else {
            let sigmoid = 1 / (1 + exp(-x))
            return (x * sigmoid, sigmoid * (1 + x * (1 - sigmoid)))
        }
        let bend = tanh(Self.geluScale * (x + 0.044715 * x * x * x))
        let inner = Self.geluScale * (1 + 3 * 0.044715 * x * x)
        return (0.5 * x * (1 + bend), 0.5 * (1 + bend) + 0.5 * x * (1 - bend * bend) * inner)
    }
}
