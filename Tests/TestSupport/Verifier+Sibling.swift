import SpeculateShared
import SpeculateVerifier

extension Verifier {
    /// The same weights with scratch memory and workers of its own.
    package func sibling(
        pool: WorkerPool, kernels: Kernels? = nil, taps: [Int]? = nil, cacheFormat: KVCacheFormat? = nil
    ) throws -> Verifier {
        try Verifier(
            family, config, weights, tokenizer, taps: taps ?? self.taps, cacheFormat: cacheFormat ?? self.cacheFormat,
            kernels: kernels ?? self.kernels, pool: pool)
    }
}
