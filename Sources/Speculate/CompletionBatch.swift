/// The results of many completions, in the order in which they end. One reader; nothing is computed but when it asks.
public struct CompletionBatch: AsyncSequence, Sendable {
    /// How one request ended.
    public struct Element: Sendable {
        /// Of the request.
        public var index: Int
        public var result: Result<CompletionResult, EngineError>
    }

    let engine: Engine
    let run: BatchRun

    /// Ends the batch after the pass in progress; completions not yet done are dropped.
    public func stop() { run.stop() }

    public func makeAsyncIterator() -> Iterator { Iterator(engine: engine, run: run) }

    public struct Iterator: AsyncIteratorProtocol {
        let engine: Engine
        let run: BatchRun
        private var ready: ArraySlice<Element> = []

        init(engine: Engine, run: BatchRun) {
            self.engine = engine
            self.run = run
        }

        public mutating func next() async throws -> Element? {
            if ready.isEmpty { ready = await engine.advance(run)[...] }
            return ready.popFirst()
        }
    }
}
