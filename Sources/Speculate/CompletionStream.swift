/// A completion's deltas, in order; the last one carries the result. One reader. A reader that is slow slows this
/// completion alone; when the stream is dropped, so is the completion.
public struct CompletionStream: AsyncSequence, Sendable {
    /// Held by the stream and its iterators alone: with the last of them goes the completion.
    fileprivate final class Reader: Sendable {
        let delivery: Delivery

        init(_ delivery: Delivery) { self.delivery = delivery }

        deinit { delivery.stop() }
    }

    fileprivate let reader: Reader

    init(_ delivery: Delivery) { reader = Reader(delivery) }

    /// Ends the completion after the round in progress. The next delta is the last one; its reason is `.cancelled` unless
    /// the completion had ended by then.
    public func stop() { reader.delivery.stop() }

    public func makeAsyncIterator() -> Iterator { Iterator(reader: reader) }

    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let reader: Reader

        public func next() async throws -> CompletionDelta? { try await reader.delivery.next() }
    }
}
