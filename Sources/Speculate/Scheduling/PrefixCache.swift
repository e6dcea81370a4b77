import SpeculateVerifier

/// The caches of sequences that have ended, for those that begin alike: a system prompt, a conversation's earlier turns.
/// Rows do not depend on what else is in their pass, so a taken-over beginning has the very bits of a computed one.
/// Touched on the engine's thread alone.
final class PrefixCache {
    struct Entry {
        let scope: CacheScope
        let tokens: [Int32]
        /// Holds `tokens`.
        let cache: KVCache
        /// What the diffusion drafter keeps of `tokens`, or of fewer.
        let drafterCache: KVCache?

        var bytes: Int { cache.bytes + (drafterCache?.bytes ?? 0) }

        /// How much of a prompt's beginning is here: at most all but its last token, after which the distribution is
        /// yet to be computed.
        func common(with prompt: [Int32], withDrafter: Bool) -> Int {
            let usable = withDrafter ? drafterCache?.count ?? 0 : tokens.count
            return commonPrefix(prompt.dropLast(), tokens.prefix(usable))
        }

        /// Whether whatever another entry is good for, this one is good for too.
        func covers(_ other: Entry) -> Bool {
            scope == other.scope && tokens.starts(with: other.tokens)
                && (drafterCache?.count ?? 0) >= (other.drafterCache?.count ?? 0)
        }
    }

    let limit: Int
    /// The longest unused first.
    private var entries: [Entry] = []
    private(set) var bytes = 0

    /// - Parameter limit: bytes at most.
    init(limit: Int) { self.limit = limit }

    /// The entry of a scope that shares the longest beginning with a prompt, and how many tokens of it.
    /// O(entries · tokens).
    func longest(_ prompt: [Int32], in scope: CacheScope, withDrafter: Bool) -> (entry: Entry, count: Int)? {
        var best: (place: Int, count: Int)?
        for (place, entry) in entries.enumerated() where entry.scope == scope {
            let common = entry.common(with: prompt, withDrafter: withDrafter)
            if common > best?.count ?? 0 { best = (place, common) }
        }
        guard let best else { return nil }
        let entry = entries.remove(at: best.place)
        entries.append(entry)
        return (entry, best.count)
    }

    /// Keeps a sequence that has ended, in place of those that it continues. Where memory is short, the client that
    /// has the most of it loses what it has not used for longest.
    func keep(_ entry: Entry) {
        guard !entry.tokens.isEmpty, entry.bytes <= limit, !entries.contains(where: { $0.covers(entry) }) else {
            return
        }
        entries.removeAll { entry.covers($0) }
        entries.append(entry)
        bytes = entries.reduce(0) { $0 + $1.bytes }
        while bytes > limit { evict() }
    }
    private func evict() {
        var held: [String?: Int] = [:]
        for entry in entries { held[entry.scope.client, default: 0] += entry.bytes }
        let greatest = held.values.max()
        guard let place = entries.firstIndex(where: { held[$0.scope.client] == greatest }) else { return }
        bytes -= entries.remove(at: place).bytes
    }
}
