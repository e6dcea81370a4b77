import Synchronization

/// A completion's deltas, in order; the last one carries the result. One reader.
public struct CompletionStream: AsyncSequence, Sendable {
    /// A completion in progress. Its generation is touched on the engine's thread alone.
    final class Active: @unchecked Sendable {
        let generation: Generation
        private let stopping = Atomic<Bool>(false)

        init(_ generation: Generation) { self.generation = generation }

        var shouldStop: Bool { stopping.load(ordering: .relaxed) }
        func stop() { stopping.store(true, ordering: .relaxed) }
    }

    private let engine: Engine
    private let active: Active

    init(engine: Engine, active: Active) {
        self.engine = engine
        self.active = active
    }

    /// Ends the completion after the round in progress; its last delta has the reason `.cancelled`.
    public func stop() { active.stop() }

    public func makeAsyncIterator() -> Iterator { Iterator(engine: engine, active: active) }

    public struct Iterator: AsyncIteratorProtocol {
        let engine: Engine
        let active: Active
        private var isFinished = false

        init(engine: Engine, active: Active) {
            self.engine = engine
            self.active = active
        }

        public mutating func next() async throws -> CompletionDelta? {
            guard !isFinished else { return nil }
            do {
                let delta = try await engine.advance(active)
                isFinished = delta.result != nil
                return delta
            } catch {
                isFinished = true
                throw error
            }
        }
    }
}
