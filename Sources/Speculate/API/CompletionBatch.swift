/// The results of many completions, in the order in which they finish. Single reader.
public struct CompletionBatch: AsyncSequence, Sendable {
    /// How one request ended.
    public struct Element: Sendable {
        /// The request's index.
        public var index: Int
        public var result: Result<CompletionResult, EngineError>
    }

    private let elements: AsyncStream<Element>
    private let work: Task<Void, Never>

    /// - Parameter window: the most completions in flight.
    init(_ requests: [CompletionRequest], window: Int, engine: Engine) {
        let (elements, continuation) = AsyncStream.makeStream(of: Element.self)
        self.elements = elements
        work = Task {
            await withTaskGroup(of: Void.self) { group in
                for (index, request) in requests.enumerated() {
                    if index >= window { await group.next() }
                    if Task.isCancelled { break }
                    group.addTask {
                        let result: Result<CompletionResult, EngineError>
                        do throws(EngineError) {
                            result = .success(try await engine.complete(request))
                        } catch {
                            result = .failure(error)
                        }
                        // A stopped completion counts as not started.
                        if case .success(let partial) = result, partial.finishReason == .cancelled { return }
                        continuation.yield(Element(index: index, result: result))
                    }
                }
            }
            continuation.finish()
        }
        continuation.onTermination = { [work] _ in work.cancel() }
    }

    /// Ends the batch after the pass in flight; unfinished completions are dropped.
    public func stop() { work.cancel() }

    public func makeAsyncIterator() -> Iterator { Iterator(elements: elements.makeAsyncIterator()) }

    public struct Iterator: AsyncIteratorProtocol {
        fileprivate var elements: AsyncStream<Element>.Iterator

        public mutating func next() async -> Element? { await elements.next() }
    }
}
