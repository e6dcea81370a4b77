import SpeculateShared

/// Reads and writes long bodies, one at a time, on a background thread: hundreds of thousands of numbers take a good
/// part of a second, and no other request should wait for that.
actor LargeBodies {
    /// Bytes from which a body counts as long.
    static let least = 1 << 15

    private let thread = SerialThread(isBackground: true)

    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    deinit { thread.stop() }

    /// Runs `work` on this thread.
    func run<Result: Sendable>(_ work: @Sendable () throws -> Result) throws -> Result { try work() }
}
