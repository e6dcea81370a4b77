/// What an engine is busy with at a moment.
public struct EngineActivity: Equatable, Sendable {
    /// Completions in progress, and those that wait for their turn.
    public var running: Int
    public var waiting: Int
    /// Bytes kept for prompts that begin as earlier ones did.
    public var prefixMemory: Int
    /// The most of them.
    public var prefixMemoryLimit: Int
}
