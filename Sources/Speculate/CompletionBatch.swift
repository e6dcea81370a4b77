/// The results of many completions, in the order in which they end. One reader.
public struct CompletionBatch: AsyncSequence, Sendable {
    /// How one request ended.
    public struct Element: Sendable {
        /// Of the request.
        public var index: Int
        public var result: Result<CompletionResult, EngineError>
    }

    private let elements: AsyncStream<Element>
    private let work: Task<Void, Never>

    /// - Parameter window: completions in progress at once.
    init(_ requests: [CompletionRequest], window: Int, engine: Engine) {
        let (elements, continuation) = AsyncStream.makeStream(of: Element.self)
        self.elements = elements
        work = Task {
            await withTaskGroup(of: Void.self) { group in
                for (index, request) in requests.enumerated() {
                    if index >= window { await group.next() }
                    if Task.isCancelled { break }
                    group.addTask {
                        let result = await engine.result(of: request)
                        // What was stopped is as if it had not been begun.
                        if case .success(let partial) = result, partial.finishReason == .cancelled { return }
                        continuation.yield(Element(index: index, result: result))
                    }
                }
            }
            continuation.finish()
        }
        continuation.onTermination = { [work] _ in work.cancel() }
    }

    /// Ends the batch after the pass in progress; completions not yet done are dropped.
    public func stop() { work.cancel() }

    public func makeAsyncIterator() -> AsyncStream<Element>.Iterator { elements.makeAsyncIterator() }
}
