import SpeculateShared

/// A completion's deltas, in order; the last one carries the result. Single reader: the first iterator reads, further
/// ones are refused. A slow reader slows only this completion; dropping the stream cancels it. The stream retains its
/// engine.
public struct CompletionStream: AsyncSequence, Sendable {
    /// Retained only by the stream and its iterators: when the last of them goes, the completion is cancelled.
    fileprivate final class Reader: Sendable {
        let delivery: Delivery
        private let engine: Engine
        private let isRead = Locked(false)

        init(_ delivery: Delivery, _ engine: Engine) {
            self.delivery = delivery
            self.engine = engine
        }

        deinit { delivery.stop() }

        /// True only once.
        func begin() -> Bool {
            isRead.withLock { isRead in
                defer { isRead = true }
                return !isRead
            }
        }
    }

    fileprivate let reader: Reader

    init(_ delivery: Delivery, _ engine: Engine) { reader = Reader(delivery, engine) }

    /// Ends the completion after the round in flight. The next delta is the last one; its reason is `.cancelled` unless
    /// the completion had already ended.
    public func stop() { reader.delivery.stop() }

    public func makeAsyncIterator() -> Iterator { Iterator(reader: reader, isFirst: reader.begin()) }

    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let reader: Reader
        fileprivate let isFirst: Bool

        /// - Throws: `EngineError`, also if another iterator reads the stream.
        public func next() async throws(EngineError) -> CompletionDelta? {
            guard isFirst else {
                throw EngineError(.invalidRequest, "a second iterator reads the stream, expected one reader")
            }
            return try await reader.delivery.next()
        }
    }
}
