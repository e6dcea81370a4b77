/// A snapshot of an engine's activity.
public struct EngineActivity: Equatable, Sendable {
    /// Completions in flight, and those waiting for a slot.
    public var running: Int
    public var waiting: Int
    /// Bytes held by the prefix cache.
    public var prefixMemory: Int
    /// Its limit in bytes.
    public var prefixMemoryLimit: Int
}
