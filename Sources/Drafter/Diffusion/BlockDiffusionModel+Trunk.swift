import SpeculateShared

/// What a drafter computes before the part that can be trained on a user's own text.
extension BlockDiffusionModel {
    /// Whether the last layer's feed-forward network is a gated one and nothing else.
    package var endsInPlainFeedForward: Bool {
        config.transformer.scales.residual == 1
            && weights.layers.hasPlainFeedForward(config.transformer.layers - 1)
    }

    /// What the gate of a feed-forward network is put through.
    package var activation: ModelFamily.Activation { config.family.activation }

    /// The residual stream [drafts, hidden] of a masked block's slots that predict a token each: where it enters the
    /// last layer's feed-forward network if `endsInPlainFeedForward`, else after that layer. Valid until the next pass.
    /// - Parameters:
    ///   - anchor: the token after those in the cache.
    ///   - cache: holds the tokens before it; what the block leaves there is scratch.
    package func trunk(after anchor: Int32, cache: KVCache) -> UnsafePointer<Float> {
        let slots = config.drafts + config.firstSlot
        let last = config.transformer.layers - 1
        lay(slots, anchor, cache) { _ in config.maskToken }
        pool.run { worker in
            embed(slots, &worker)  // x [slots, hidden]
            for index in 0..<last { transformer.forward(layer: index, batch, &worker, before: weights.output.data) }
            if endsInPlainFeedForward {
                transformer.attend(layer: last, batch, &worker)  // x [slots, hidden]
            } else {
                transformer.forward(layer: last, batch, &worker, before: weights.output.data)  // x [slots, hidden]
            }
        }
        return UnsafePointer(transformer.scratch.x + config.firstSlot * config.transformer.hidden)
    }
}
