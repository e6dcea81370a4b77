import NIOCore
import SpeculateShared

/// Reads and writes long bodies, one at a time, on a background thread: hundreds of thousands of numbers take a good
/// part of a second, and no other request should wait for that.
actor LargeBodies {
    /// Bytes from which a body counts as long.
    private static let least = 1 << 15

    private let thread = SerialThread(isBackground: true)

    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    deinit { thread.stop() }

    /// What a body is decoded to, on this thread if it is long.
    nonisolated func decode<Result: Sendable>(
        _ body: ByteBuffer, _ decode: @Sendable (ByteBuffer) throws -> Result
    ) async throws -> Result {
        guard body.readableBytes >= Self.least else { return try decode(body) }
        return try await run { try decode(body) }
    }

    /// Runs `work` on this thread.
    func run<Result: Sendable>(_ work: @Sendable () throws -> Result) throws -> Result { try work() }
}
