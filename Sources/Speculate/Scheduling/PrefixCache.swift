import SpeculateVerifier

/// The caches of sequences that have ended, for those that begin alike: a system prompt, a conversation's earlier turns.
/// Rows do not depend on what else is in their pass, so a taken-over beginning has the very bits of a computed one.
/// Touched on the engine's thread alone.
final class PrefixCache {
    struct Entry {
        let tokens: [Int32]
        /// Holds `tokens`.
        let cache: KVCache
        /// What the diffusion drafter keeps of `tokens`, or of fewer.
        let drafterCache: KVCache?

        var bytes: Int { cache.bytes + (drafterCache?.bytes ?? 0) }

        /// How much of a prompt's beginning is here: at most all but its last token, whose law is yet to be computed.
        func common(with prompt: [Int32], withDrafter: Bool) -> Int {
            let usable = withDrafter ? drafterCache?.count ?? 0 : tokens.count
            return zip(prompt.dropLast(), tokens.prefix(usable)).prefix { $0 == $1 }.count
        }

        /// Whether whatever another entry is good for, this one is good for too.
        func covers(_ other: Entry) -> Bool {
            tokens.starts(with: other.tokens) && (drafterCache?.count ?? 0) >= (other.drafterCache?.count ?? 0)
        }
    }

    private let limit: Int
    /// The longest unused first.
    private var entries: [Entry] = []
    private(set) var bytes = 0

    /// - Parameter limit: bytes at most.
    init(limit: Int) { self.limit = limit }

    /// The entry that shares the longest beginning with a prompt, and how many tokens of it. O(entries · tokens).
    func longest(_ prompt: [Int32], withDrafter: Bool) -> (entry: Entry, count: Int)? {
        var best: (place: Int, count: Int)?
        for (place, entry) in entries.enumerated() {
            let common = entry.common(with: prompt, withDrafter: withDrafter)
            if common > best?.count ?? 0 { best = (place, common) }
        }
        guard let best else { return nil }
        let entry = entries.remove(at: best.place)
        entries.append(entry)
        return (entry, best.count)
    }

    /// Keeps a sequence that has ended, in place of those that it goes on from.
    func keep(_ entry: Entry) {
        guard !entry.tokens.isEmpty, entry.bytes <= limit, !entries.contains(where: { $0.covers(entry) }) else {
            return
        }
        entries.removeAll { entry.covers($0) }
        entries.append(entry)
        bytes = entries.reduce(0) { $0 + $1.bytes }
        while bytes > limit { bytes -= entries.removeFirst().bytes }
    }
}
