import SpeculateShared

/// Makes requests ready on a thread of its own: neither a pass of the engine nor Swift's cooperative pool waits for a long
/// prompt or for many stop texts.
actor RequestPreparation {
    private let reader: PromptReader
    private let thread = SerialThread()

    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    init(_ reader: PromptReader) { self.reader = reader }

    deinit { thread.stop() }

    /// A request's prompt in tokens, and its stop texts.
    struct Prepared: Sendable {
        var prompt: [Int32]
        var stops: StopTexts
    }

    func tokens(
        of request: CompletionRequest, addsBeginToken: Bool, opensAnswer: Bool
    ) throws(EngineError) -> [Int32] {
        try reader.tokens(of: request, addsBeginToken: addsBeginToken, opensAnswer: opensAnswer)
    }

    /// Requests with one prompt stand next to each other, and it is read once.
    func prepare(_ requests: [CompletionRequest]) throws(EngineError) -> [Prepared] {
        var all: [Prepared] = []
        for (index, request) in requests.enumerated() {
            let last = index > 0 ? requests[index - 1] : nil
            let isSamePrompt =
                request.prompt == last?.prompt && request.parsesControlTokens == last?.parsesControlTokens
                && request.templateVariables == last?.templateVariables
            all.append(
                Prepared(
                    prompt: isSamePrompt ? all[index - 1].prompt : try reader.tokens(of: request),
                    stops: request.stop == last?.stop ? all[index - 1].stops : StopTexts(request.stop)))
        }
        return all
    }
}
