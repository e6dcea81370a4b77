import CKernels
import SpeculateShared

/// What a block's states are to the slots, and what passes say to the process that moves them.
extension BlockDiffusionModel {
    /// Puts the block's states and a pass's time where the slots are told of them.
    func lay(_ block: DraftBlock, time: Double) {
        guard let width = weights.conditioning?.width, case .mapped(let drafted, _, _, _) = weights.embedding else {
            return
        }
        if block.points.isEmpty {
            for (index, state) in block.states.enumerated() {
                withUnsafePointer(to: drafted) { spk_unpack_row($0, state, scratch.states + index * width) }
            }
        } else {
            scratch.states.update(from: block.points, count: block.points.count)
        }
        DrafterWeights.Conditioning.features(of: time, into: scratch.time)
    }

    /// Adds to a slot's embedding what it is told of the state before its token, of that token's own and of the time.
    func condition(
        _ slot: Int, on matrices: DrafterWeights.Conditioning, _ x: UnsafeMutablePointer<Float>, _ worker: Worker
    ) {
        func add(_ matrix: spk_matrix, _ values: UnsafePointer<Float>, _ row: spk_activations) {
            withUnsafePointer(to: row) { kernels.quantize(values, 0, matrix.inputs, 0, $0) }
            transformer.multiply(
                matrix, row, 1, 0..<config.transformer.hidden / 16, before: nil, into: x,
                stride: config.transformer.hidden, accumulating: true)
        }
        let row = scratch.ownState[worker.index]
        if slot > 0 { add(matrices.here, scratch.states + (slot - 1) * matrices.width, row) }
        if let own = matrices.own { add(own, scratch.states + slot * matrices.width, row) }
        add(matrices.time, scratch.time, scratch.ownTime[worker.index])
    }

    /// Adds to the logits of the last pass what the states say.
    func finish(_ block: DraftBlock, time: Double) {
        let logits = (0..<block.count).map { index in
            UnsafeMutableBufferPointer(
                start: scratch.logits + (index + config.firstSlot) * scratch.logitStride, count: draftVocabulary)
        }
        weights.process.finish(logits, of: block, time: time)
    }

    /// What stands at a place after a pass: its token, if the pass filled it in, or its state, if that is a token, or
    /// else the likeliest one; and the probability that the pass gave it, by the logits as it left them: NaN where
    /// these are no numbers.
    package func outcome(at index: Int, of block: DraftBlock, isLast: Bool) -> (token: Int32, certainty: Float) {
        let isFilled = isLast || block.isRevealed[index] || config.process == .absorbing
        let state = block.states.isEmpty ? nil : draftTokens[Int(block.states[index])]
        let known = isFilled ? block.tokens[index] : state
        let (likeliest, probability) = certainty(of: known.flatMap(choice(of:)), at: index)
        return (known ?? draftTokens[likeliest], probability)
    }

    /// - Parameter choice: an index of the draft vocabulary; nil for the likeliest.
    private func certainty(of choice: Int?, at index: Int) -> (likeliest: Int, probability: Float) {
        let logits = logits(at: index)
        let likeliest = Int(kernels.argmax(logits, Int32(draftVocabulary)))
        var total: Float = 0
        for other in 0..<draftVocabulary { total += exp(logits[other] - logits[likeliest]) }
        return (likeliest, exp(logits[choice ?? likeliest] - logits[likeliest]) / total)
    }

    /// The draft vocabulary's index of a token; nil if it cannot be drafted.
    private func choice(of token: Int32) -> Int? {
        let index = weights.draftIndices[Int(token)]
        return index < 0 ? nil : Int(index)
    }
}
