import SpeculateShared

/// A completion's deltas, in order; the last one carries the result. One reader: the first iterator reads, further ones
/// are refused. A reader that is slow slows this completion alone; when the stream is dropped, so is the completion. The
/// stream keeps its engine.
public struct CompletionStream: AsyncSequence, Sendable {
    /// Held by the stream and its iterators alone: with the last of them goes the completion.
    fileprivate final class Reader: Sendable {
        let delivery: Delivery
        private let engine: Engine
        private let isRead = Locked(false)

        init(_ delivery: Delivery, _ engine: Engine) {
            self.delivery = delivery
            self.engine = engine
        }

        deinit { delivery.stop() }

        /// True once.
        func begin() -> Bool {
            isRead.withLock { isRead in
                defer { isRead = true }
                return !isRead
            }
        }
    }

    fileprivate let reader: Reader

    init(_ delivery: Delivery, _ engine: Engine) { reader = Reader(delivery, engine) }

    /// Ends the completion after the round in progress. The next delta is the last one; its reason is `.cancelled` unless
    /// the completion had ended by then.
    public func stop() { reader.delivery.stop() }

    public func makeAsyncIterator() -> Iterator { Iterator(reader: reader, isFirst: reader.begin()) }

    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let reader: Reader
        fileprivate let isFirst: Bool

        /// - Throws: `EngineError`, also where another iterator reads the stream.
        public func next() async throws(EngineError) -> CompletionDelta? {
            guard isFirst else {
                throw EngineError(.invalidRequest, "a second iterator reads the stream, expected one reader")
            }
            return try await reader.delivery.next()
        }
    }
}
