import SpeculateShared

/// Carries a completion's output from the engine's thread to its reader. The engine never waits for a reader: a
/// completion whose reader is far behind sits out passes until the reader has caught up.
final class Delivery: Sendable {
    /// The most tokens that wait for the reader.
    static let limit = 256

    private struct State {
        var pieces: [CompletionDelta.Piece] = []
        var end: Result<CompletionResult, EngineError>?
        var reader: CheckedContinuation<Bool, Never>?
        var isStopping = false
        var isOver = false

        /// Whether the reader need not wait. A reader that has stopped the completion gets the rest at once, with its
        /// end.
        var isReady: Bool { end != nil || isOver || !(pieces.isEmpty || isStopping) }
    }

    /// Whether the reader wants output before the end.
    private let isStreamed: Bool
    private let state = Locked(State())
    /// Makes the engine check its completions again.
    private let wake: @Sendable () -> Void

    init(isStreamed: Bool, wake: @escaping @Sendable () -> Void) {
        self.isStreamed = isStreamed
        self.wake = wake
    }

    // MARK: The engine's end

    /// Whether the reader must catch up first.
    var isFull: Bool { state.withLock { $0.pieces.count >= Self.limit } }

    var isStopping: Bool { state.withLock { $0.isStopping } }

    func deliver(_ pieces: [CompletionDelta.Piece], end: Result<CompletionResult, EngineError>? = nil) {
        guard isStreamed || end != nil else { return }
        let reader: CheckedContinuation<Bool, Never>? = state.withLock { state in
            state.pieces += pieces
            state.end = end
            guard state.isReady else { return nil }
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume(returning: true)
    }

    // MARK: The reader's end

    /// Asks the engine to end the completion after the round in flight.
    func stop() {
        let isFirst = state.withLock { state in
            defer { state.isStopping = true }
            return !state.isStopping && state.end == nil
        }
        if isFirst { wake() }
    }

    /// Waits for output and returns all that has arrived since the last call; nil after the end. A cancelled task stops
    /// the completion and gets what there is.
    /// - Throws: `EngineError`, also if another task is waiting for the same completion.
    func next() async throws(EngineError) -> CompletionDelta? {
        let isFirst = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Bool, Never>) in
                let answer: Bool? = state.withLock { state in
                    if state.isReady { return true }
                    if state.reader != nil { return false }
                    state.reader = continuation
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            stop()
        }
        guard isFirst else {
            throw EngineError(.invalidRequest, "two tasks read the stream at once, expected one reader")
        }
        let (pieces, end) = state.withLock { state in
            defer {
                state.pieces.removeAll()
                state.isOver = state.isOver || state.end != nil
                state.end = nil
            }
            return (state.pieces, state.end)
        }
        if pieces.count >= Self.limit { wake() }
        guard let end else { return pieces.isEmpty ? nil : CompletionDelta(pieces: pieces, result: nil) }
        return CompletionDelta(pieces: pieces, result: try end.get())
    }
}
