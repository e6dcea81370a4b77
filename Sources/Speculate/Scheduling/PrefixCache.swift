import SpeculateShared

/// The caches of finished sequences, reused by prompts that begin alike: a system prompt, a conversation's earlier
/// turns. Rows do not depend on what else is in their pass, so a copied prefix has the same bits as a computed one.
/// Accessed only on the engine's thread.
final class PrefixCache {
    struct Entry {
        let scope: CacheScope
        let tokens: [Int32]
        /// The KV cache of `tokens`.
        let cache: KVCache
        /// The drafter's cache for `tokens`, or for a prefix of them.
        let drafterCache: KVCache?

        var bytes: Int { cache.bytes + (drafterCache?.bytes ?? 0) }

        /// How many leading tokens of a prompt are cached here. At most all but the last: its pass gives the next
        /// token's distribution.
        func common(with prompt: [Int32], withDrafter: Bool) -> Int {
            let usable = withDrafter ? drafterCache?.count ?? 0 : tokens.count
            return commonPrefix(prompt.dropLast(), tokens.prefix(usable))
        }

        /// Whether this entry serves every prompt that `other` serves, at least as well.
        func covers(_ other: Entry) -> Bool {
            scope == other.scope && tokens.starts(with: other.tokens)
                && (drafterCache?.count ?? 0) >= (other.drafterCache?.count ?? 0)
        }
    }

    let limit: Int
    /// Least recently used first.
    private var entries: [Entry] = []
    private(set) var bytes = 0

    /// - Parameter limit: bytes.
    init(limit: Int) { self.limit = limit }

    /// The entry of a scope with the longest common prefix with a prompt, and the length of that prefix. O(entries ·
    /// tokens).
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

    /// Adds a finished sequence, replacing those that it extends. If memory is short, evicts the least recently used
    /// entry of the client that holds the most.
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
