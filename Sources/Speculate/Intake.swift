import SpeculateShared

/// Reads prompts on a thread of its own: neither a pass of the engine nor Swift's cooperative pool waits for a long one.
actor Intake {
    private let reader: PromptReader
    private let thread = SerialThread()

    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    init(_ reader: PromptReader) { self.reader = reader }

    deinit { thread.stop() }

    /// The tokens of each request's prompt. Requests with one prompt stand next to each other, and it is read once.
    func tokens(of requests: [CompletionRequest]) throws(EngineError) -> [[Int32]] {
        var prompts: [[Int32]] = []
        for (index, request) in requests.enumerated() {
            if index > 0, request.prompt == requests[index - 1].prompt,
                request.parsesControlTokens == requests[index - 1].parsesControlTokens
            {
                prompts.append(prompts[index - 1])
            } else {
                prompts.append(try reader.tokens(of: request))
            }
        }
        return prompts
    }
}
