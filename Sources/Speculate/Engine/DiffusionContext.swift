import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier

/// The tokens that a block is conditional on, as the verifier read them and the drafter was told. Used on the engine's
/// thread.
final class DiffusionContext {
    let cache, drafterCache: KVCache
    private let verifier: Verifier
    private let model: BlockDiffusionModel
    private let batch = RowBatch(capacity: Verifier.maximumRows)

    init(_ verifier: Verifier, _ model: BlockDiffusionModel, capacity: Int) throws(OutOfMemory) {
        self.verifier = verifier
        self.model = model
        cache = try verifier.makeCache(capacity: capacity)
        drafterCache = try model.makeCache(capacity: capacity)
    }

    /// Has the verifier read the next tokens.
    func read(_ tokens: ArraySlice<Int32>) {
        for first in stride(from: tokens.startIndex, to: tokens.endIndex, by: batch.capacity) {
            let rows = tokens[first..<min(first + batch.capacity, tokens.endIndex)]
            batch.removeAll()
            batch.append(rows, to: cache, logits: .none)
            model.inject(0..<rows.count, of: verifier.forward(batch), into: drafterCache)
        }
    }
}
