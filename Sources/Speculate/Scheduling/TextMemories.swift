import SpeculateDrafter
import SpeculateShared

/// What an engine remembers of texts, apart for each scope: how fast an answer comes must not say what others have asked.
/// Touched on the engine's thread alone.
final class TextMemories {
    /// Tokens of a text that are kept, its last ones.
    private static let longest = 8192
    /// Tokens of a file that are read before the first request, in some milliseconds; the rest comes between passes.
    private static let atOnce = 16384
    /// Rows of the common table by two tokens.
    private static let commonPairs = 1 << 17

    private let vocabulary: Int
    private let limit: Int
    private let file: TextMemoryFile?
    /// What all scopes draft from: made on purpose, from texts that are nobody's.
    let common: TextMemory?
    private let use: TextMemoryUse
    /// The one used last at the end.
    private var memories: [(scope: CacheScope, memory: TextMemory)] = []
    private var isReading = true
    /// The file as it was last read or written here.
    private var stamp: FileStamp?
    /// What another process has written into it meanwhile.
    private var others: TextMemoryFile.Contents = []
    /// Whether there is something that the file does not have.
    private(set) var isChanged = false

    /// - Parameters:
    ///   - limit: bytes of all together.
    ///   - file: where it is kept across processes.
    /// - Throws: `EngineError` where there is such a file that cannot be used.
    init(vocabulary: Int, limit: Int, file: TextMemoryFile?, use: TextMemoryUse = .keep) throws(EngineError) {
        self.vocabulary = vocabulary
        self.limit = limit
        self.file = file
        self.use = use
        stamp = file.flatMap { FileStamp(path: $0.path) }
        let contents = limit > 0 ? try file?.read(isKept: use != .read) : nil
        let saved = contents?.first { $0.scope == nil }?.memory ?? (use == .share ? SavedTextMemory() : nil)
        common = saved.map {
            TextMemory(vocabulary: vocabulary, limit: limit / 2, pairs: Self.commonPairs, saved: $0)
        }
        for (scope, memory) in contents ?? [] {
            guard let scope else { continue }
            memories.append((scope, TextMemory(vocabulary: vocabulary, limit: limit, saved: memory)))
            evict()
        }
        var left = Self.atOnce
        for memory in allMemories { left -= memory.readNewest(left) }
    }

    /// The one used last first, the common one last.
    private var allMemories: [TextMemory] { memories.reversed().map(\.memory) + (common.map { [$0] } ?? []) }

    func memory(of scope: CacheScope) -> TextMemory {
        if use == .share, let common { return common }
        guard let place = memories.firstIndex(where: { $0.scope == scope }) else {
            let new = TextMemory(vocabulary: vocabulary, limit: limit)
            if limit > 0 { memories.append((scope, new)) }
            evict()
            return new
        }
        memories.append(memories.remove(at: place))
        return memories[memories.count - 1].memory
    }

    func remember(_ tokens: [Int32], in scope: CacheScope) {
        guard limit > 0 else { return }
        memory(of: scope).remember(tokens.suffix(Self.longest))
        isChanged = true
        evict()
    }

    /// While there is too much, forgets what was used longest ago of the client that holds the most; never the last one left.
    private func evict() {
        while memories.count > 1 {
            var held: [String?: Int] = [:]
            for (scope, memory) in memories { held[scope.client, default: 0] += memory.bytes }
            guard held.values.reduce(common?.bytes ?? 0, +) > limit else { return }
            let greatest = held.values.max()
            memories.remove(at: memories.firstIndex { held[$0.scope.client] == greatest }!)
        }
    }

    /// Reads about so many tokens more of what the file had.
    func readOn(_ tokens: Int) {
        guard isReading else { return }
        var left = tokens
        for memory in allMemories {
            while left > 0 {
                let count = memory.readOn()
                if count == 0 { break }
                left -= count
            }
        }
        isReading = left <= 0
    }

    /// Writes the file, if there is one and something to write.
    func save() throws(EngineError) {
        guard isChanged, use != .read, let file else { return }
        var contents: TextMemoryFile.Contents = memories.map { ($0.scope, $0.memory.saved) }
        if let common { contents.append((nil, common.saved)) }
        if FileStamp(path: file.path) != stamp { others = try file.read() }
        for (scope, other) in others {
            if let place = contents.firstIndex(where: { $0.scope == scope }) {
                contents[place].memory = contents[place].memory.merging(other)
            } else {
                contents.insert((scope, other), at: 0)
            }
        }
        try file.write(contents)
        stamp = FileStamp(path: file.path)
        isChanged = false
    }
}
