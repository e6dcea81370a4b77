/// A completion that waits for its turn or is in progress. Touched on the engine's thread alone.
final class ActiveCompletion {
    /// How often a reader is woken, but for the first token: passing from one thread to another costs time.
    private static let period = Duration.milliseconds(5)

    let generation: Generation
    let request: CompletionRequest
    private let onEnd: () -> Void
    private let delivery: Delivery
    private var observer: CompletionObserver
    let deadline: ContinuousClock.Instant?
    private var pieces: [CompletionDelta.Piece] = []
    private var delivered: ContinuousClock.Instant?

    /// - Parameter onEnd: called when it is over, before its reader hears of it.
    init(
        _ generation: Generation, _ delivery: Delivery, _ observer: CompletionObserver,
        request: CompletionRequest, deadline: ContinuousClock.Instant?, onEnd: @escaping () -> Void
    ) {
        self.generation = generation
        self.delivery = delivery
        self.observer = observer
        self.request = request
        self.deadline = deadline
        self.onEnd = onEnd
    }

    var client: String? { request.client }

    var isPaused: Bool { delivery.isFull }

    func stop() { delivery.stop() }

    /// Why it is to end now, whatever it has.
    func ending(_ now: ContinuousClock.Instant) -> CompletionResult.FinishReason? {
        if delivery.isStopping { return .cancelled }
        if let deadline, deadline <= now { return .deadline }
        return nil
    }

    /// Hands on what a pass brought, at once if it is the first or the last.
    func deliver(_ new: [CompletionDelta.Piece]) {
        pieces += new
        if let result = generation.result {
            observer.progress(result.statistics)
            observer.end(result)
            onEnd()
            delivery.deliver(pieces, end: .success(result))
        } else if !pieces.isEmpty {
            let now = ContinuousClock.now
            if let delivered, now - delivered < Self.period { return }
            delivered = now
            observer.progress(generation.statistics)
            delivery.deliver(pieces)
            pieces.removeAll(keepingCapacity: true)
        }
    }

    func fail(_ error: EngineError) {
        observer.fail(error)
        onEnd()
        delivery.deliver(pieces, end: .failure(error))
    }
}
