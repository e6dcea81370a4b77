import CKernels
import SpeculateShared

/// The last pass's probabilities; those of a pass that chose tokens are given the tokens before.
struct PassGuesses: BlockGuesses {
    let model: BlockDiffusionModel
    /// 0 puts everything on the likeliest token, which is the one that was chosen.
    let temperature: Float

    func probabilities(of index: Int) -> UnsafeMutableBufferPointer<Float> {
        let (scratch, count) = (model.scratch, model.draftVocabulary)
        let slot = index + model.config.firstSlot
        let logits = scratch.logits + slot * scratch.logitStride
        let weights = UnsafeMutableBufferPointer(
            start: scratch.distribution + slot * scratch.logitStride, count: count)
        let likeliest = Int(model.kernels.argmax(logits, Int32(count)))
        guard temperature > 0 else {
            weights.update(repeating: 0)
            weights[likeliest] = 1
            return weights
        }
        model.kernels.exponentials(
            logits, Int32(count), logits[likeliest], 1 / temperature, weights.baseAddress!, scratch.partialSums)
        let total = weights.reduce(0.0) { $0 + Double($1) }
        for choice in 0..<count { weights[choice] = Float(Double(weights[choice]) / total) }
        return weights
    }

    func logMass(of index: Int) -> Double {
        guard let weight = model.weights.scoreMass else { return 0 }
        let width = model.config.transformer.hidden
        let hidden = model.scratch.hidden + (index + model.config.firstSlot) * width
        return (0..<width).reduce(0) { $0 + Double(weight[$1]) * Double(hidden[$1]) }
    }

    func token(_ choice: Int) -> Int32 { model.draftTokens[choice] }
}
