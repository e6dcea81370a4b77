import CKernels

/// What a drafter knows of the model that it drafts for: enough to tell whether the two fit, and the parts that it borrows.
package struct TargetModel {
    package let config: TransformerConfig
    /// Layers after which hidden states are kept.
    package let taps: [Int]
    package let tokenizerFingerprint: UInt64
    /// Names the weights, the same for every quantisation of them.
    package let fingerprint: String
    /// [vocabulary × hidden]
    package let embedding: spk_matrix
    /// [vocabulary × hidden]
    package let output: spk_matrix
    package let kernels: Kernels
    package let pool: WorkerPool
    /// Owns the matrices' memory.
    private let weights: AnyObject

    package init(
        config: TransformerConfig, taps: [Int], tokenizerFingerprint: UInt64, fingerprint: String,
        embedding: spk_matrix, output: spk_matrix, weights: AnyObject, kernels: Kernels, pool: WorkerPool
    ) {
        self.config = config
        self.taps = taps
        self.tokenizerFingerprint = tokenizerFingerprint
        self.fingerprint = fingerprint
        self.embedding = embedding
        self.output = output
        self.weights = weights
        self.kernels = kernels
        self.pool = pool
    }
}
