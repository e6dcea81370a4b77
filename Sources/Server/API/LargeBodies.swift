import SpeculateShared

/// Reads and writes long bodies, one after the other, on a thread of its own that gives way to others: hundreds of
/// thousands of numbers take a good part of a second, for which no other request is to wait.
actor LargeBodies {
    /// Bytes from which on a body is a long one.
    static let least = 1 << 15

    private let thread = SerialThread(isBackground: true)

    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    deinit { thread.stop() }

    /// Reads or writes a body here.
    func run<Result: Sendable>(_ work: @Sendable () throws -> Result) throws -> Result { try work() }
}
