import CKernels
import SpeculateShared

/// Scratch memory of a verifier's pass, beside its transformer's. Pages never written cost nothing.
struct VerifierScratch {
    /// Floats of one row of logits: whole panels.
    let logitStride: Int
    let tapped: UnsafeMutablePointer<Float>  // [rows, taps, hidden]
    let logits: UnsafeMutablePointer<Float>  // [logit rows, logitStride]
    let headInput: spk_activations  // [logit rows, hidden]
    private let arena: Arena

    init(_ config: TransformerConfig, _ weights: VerifierWeights, taps: Int, in arena: Arena) {
        self.arena = arena
        logitStride = weights.output.panels * Int(SPK_LANES)
        tapped = arena.allocate(count: Verifier.maximumRows * taps * config.hidden)
        logits = arena.allocate(count: Verifier.maximumRows * logitStride)
        headInput = arena.activations(
            rows: Verifier.maximumRows, inputs: config.hidden,
            readers: weights.output.reader | (weights.outputBound?.matrix.reader ?? 0))
    }
}
