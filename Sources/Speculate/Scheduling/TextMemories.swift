import SpeculateDrafter

/// What an engine remembers of texts, apart for each scope: how fast an answer comes must not say what others have asked.
/// Touched on the engine's thread alone.
final class TextMemories {
    /// Tokens of a text that are kept, its last ones.
    private static let longest = 8192
    /// Tokens of a file that are read before the first request, in some milliseconds; the rest comes between passes.
    private static let atOnce = 16384

    private let vocabulary: Int
    private let limit: Int
    private let file: TextMemoryFile?
    /// The one used last at the end.
    private var memories: [(scope: CacheScope, memory: TextMemory)] = []
    private var isReading = true
    /// Whether there is something that the file does not have.
    private(set) var isChanged = false

    /// - Parameters:
    ///   - limit: bytes of all together.
    ///   - file: where it is kept across processes.
    /// - Throws: `EngineError` where there is such a file that cannot be used.
    init(vocabulary: Int, limit: Int, file: TextMemoryFile?) throws(EngineError) {
        self.vocabulary = vocabulary
        self.limit = limit
        self.file = file
        guard limit > 0, let file else { return }
        memories = try file.read().map { scope, tokens in
            (scope, TextMemory(vocabulary: vocabulary, limit: limit, texts: tokens))
        }
        readOn(Self.atOnce)
    }

    func memory(of scope: CacheScope) -> TextMemory {
        guard let place = memories.firstIndex(where: { $0.scope == scope }) else {
            let new = TextMemory(vocabulary: vocabulary, limit: limit)
            if limit > 0 { memories.append((scope, new)) }
            return new
        }
        memories.append(memories.remove(at: place))
        return memories[memories.count - 1].memory
    }

    func remember(_ tokens: [Int32], in scope: CacheScope) {
        guard limit > 0 else { return }
        memory(of: scope).remember(tokens.suffix(Self.longest))
        isChanged = true
        while memories.count > 1, memories.reduce(0, { $0 + $1.memory.bytes }) > limit { memories.removeFirst() }
    }

    /// Reads about so many tokens of what the file had, those of the scope used last first.
    func readOn(_ tokens: Int) {
        guard isReading else { return }
        var left = tokens
        for (_, memory) in memories.reversed() {
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
        guard isChanged, let file else { return }
        try file.write(memories.map { ($0.scope, $0.memory.texts) })
        isChanged = false
    }
}
