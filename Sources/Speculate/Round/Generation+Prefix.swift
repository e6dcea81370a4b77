import SpeculateDrafter
import SpeculateShared

/// Beginnings that another sequence has computed already.
extension Generation {
    /// Whether every row is to be computed here: what was computed before was not recorded, its logits are gone, or the
    /// drafter wants to see it.
    private var computesAll: Bool { recorded != nil || promptLogprobs != nil || settings.drafterReadsAllRows }

    private var caching: (any CachingDrafter)? { (drafter as? any CachingDrafter).flatMap { $0.hasCache ? $0 : nil } }

    /// Tokens with which both sequences begin and that the other has yet to compute.
    func sharedTokensToCome(from other: Generation) -> Int {
        guard !computesAll, settings.scope == other.settings.scope else { return 0 }
        return commonPrefix(tokens.dropLast(), other.tokens.dropLast()) - other.cached
    }

    /// Looks, before anything is computed, for what an earlier sequence, or one in progress, that began alike has computed.
    func findSource(in prefixes: PrefixCache, _ others: some Sequence<Generation>) {
        guard !computesAll else { return }
        let needsDrafter = caching != nil
        source = prefixes.longest(tokens, in: settings.scope, withDrafter: needsDrafter)
        for other in others where other.settings.scope == settings.scope && other.cached > source?.count ?? 0 {
            let known = source?.count ?? 0
            guard commonPrefix(tokens.dropLast(), other.tokens.dropLast()) > known, let entry = other.shareComputed()
            else { continue }
            let count = entry.common(with: tokens, withDrafter: needsDrafter)
            if count > known { source = (entry, count) }
        }
    }

    /// Whether there is more to adopt.
    var hasSource: Bool { source != nil }

    /// Adopts up to `limit` tokens of what was found; returns how many.
    func adopt(_ limit: Int) -> Int {
        guard let cache, let (entry, count) = source else { return 0 }
        let first = cache.count
        let reached = min(first + limit, count)
        cache.adopt(reached, of: entry.cache)
        if let drafterCache = entry.drafterCache { caching?.adopt(reached, of: drafterCache) }
        if !wasSuspended { statistics.cachedPromptTokens += reached - first }
        if reached == count { source = nil }
        return reached - first
    }

    /// What is computed of this sequence, for others. The drafter injects first what it has only seen, which is a pass of it.
    func shareComputed() -> PrefixCache.Entry? {
        cache.map {
            .init(
                scope: settings.scope, tokens: Array(tokens.prefix($0.count)), cache: $0,
                drafterCache: caching?.injectedCache())
        }
    }
}
