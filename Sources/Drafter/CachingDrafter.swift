import SpeculateShared

/// A drafter that keeps keys and values of the verifier's hidden states, and can resume from another one's.
package protocol CachingDrafter: Drafter {
    /// Whether it keeps any.
    var hasCache: Bool { get }
    /// Its cache, one cell per token observed; makes the pass that injects those that wait. Nil without one.
    func injectedCache() -> KVCache?
    /// Continues with what another drafter of its kind, whose sequence began alike, kept of the first `count` tokens.
    func adopt(_ count: Int, of other: KVCache)
}
