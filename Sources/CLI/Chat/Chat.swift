import Speculate

/// A conversation with an engine, one line at a time.
struct Chat {
    /// Tokens of the context to keep free for an answer, at most a quarter of it.
    private static let answerRoom = 512
    /// For a retry of a greedy answer, if the model's makers recommend no temperature.
    private static let retryTemperature: Float = 0.7

    let engine: Engine
    let interrupts: Interrupts
    let flags: RequestFlags
    var conversation: Conversation
    let isColoured: Bool
    let isQuiet: Bool

    /// Handles a line; returns false when the chat is over.
    mutating func take(_ line: String) async throws -> Bool {
        let before = conversation
        do {
            switch ChatInput(line) {
            case nil: break
            case .message(let text):
                conversation.ask(text)
                try await answer()
            case .help: Terminal.log(ChatInput.list)
            case .reset:
                conversation.reset()
                note("the conversation begins anew")
            case .system(nil): Terminal.log(conversation.system ?? "there is no system message")
            case .system(let text):
                conversation.system = text
                note("the system message is changed")
            case .retry:
                conversation.takeBackAnswer()
                if conversation.isEmpty {
                    note("there is nothing to answer again")
                } else {
                    try await answer(isRetry: true)
                }
            case .save(let path):
                try conversation.save(to: path)
                note("saved to '\(path)'")
            case .load(let path):
                conversation = try Conversation.load(path)
                note("loaded \(Self.messages(conversation.turns.count)) from '\(path)'")
            case .mistake(let text): Terminal.log(text)
            case .exit: return false
            }
        } catch let error as EngineError {
            // A failed answer neither ends the chat nor changes it.
            conversation = before
            Terminal.log("error: \(FlagNames.replacing(in: error.message).printable)".wrapped(to: Terminal.logColumns))
            if error.code == .contextOverflow {
                let recalls = Terminal.inputIsTerminal ? "; arrow up recalls the message" : ""
                note("the conversation is as it was before\(recalls)")
            }
            if error.code == .unsupportedChatTemplate { throw error }
        }
        return true
    }

    private func note(_ text: String) {
        if !isQuiet { Terminal.log("(\(text))".wrapped(to: Terminal.logColumns, indent: 1)) }
    }

    private static func messages(_ count: Int) -> String { count == 1 ? "1 message" : "\(count) messages" }

    /// Answers the last question, dropping the oldest ones if the context has no room for all.
    private mutating func answer(isRetry: Bool = false) async throws {
        try await makeRoom()
        let seed = isRetry ? .random(in: 0...UInt64(UInt32.max)) : flags.chooseSeed()
        var request = flags.request(.chat(conversation.messages), seed: seed)
        if isRetry, request.sampling.isGreedy {
            // The likeliest answer would be the same again.
            let advised = engine.model.sampling
            request.sampling.temperature = advised.temperature ?? Self.retryTemperature
            request.sampling.topP = advised.topP ?? request.sampling.topP
        }
        let stream = try await engine.stream(request)
        interrupts.onInterrupt { stream.stop() }
        defer { interrupts.onInterrupt(nil) }
        let result = try await Terminal.show(stream, coloured: isColoured)
        Terminal.print("")
        if !isQuiet {
            let seed = request.sampling.isGreedy ? nil : seed
            Terminal.log(Report.text(result, seed: seed, namesFlags: false, columns: Terminal.logColumns) + "\n")
        }
        conversation.answer(result.text)
    }

    /// - Throws: `EngineError` if the last question does not fit even alone.
    private mutating func makeRoom() async throws(EngineError) {
        let context = engine.model.contextLength
        let wanted = flags.maxTokens == -1 ? Self.answerRoom : flags.maxTokens
        let room = min(max(wanted, 1), Self.answerRoom, context / 4)
        var forgotten = 0
        while try await length(room) == nil {
            let count = conversation.forget()
            guard count > 0 else { break }
            forgotten += count
        }
        guard forgotten > 0 else { return }
        _ = try await engine.countTokens(.chat(conversation.messages))  // Throws before anything is reported.
        note("the context of \(context) tokens is full: the oldest \(Self.messages(forgotten)) are forgotten")
    }

    /// Tokens of the conversation; nil if it leaves less than `room`.
    private func length(_ room: Int) async throws(EngineError) -> Int? {
        do throws(EngineError) {
            let count = try await engine.countTokens(.chat(conversation.messages))
            return count + room <= engine.model.contextLength ? count : nil
        } catch  where error.code == .contextOverflow {
            return nil
        }
    }
}
