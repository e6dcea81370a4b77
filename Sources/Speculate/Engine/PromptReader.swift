import SpeculateShared

/// Turns prompts into tokens, and refuses those that are too long: by their bytes before any work, by their tokens as
/// soon as there are too many.
package struct PromptReader: Sendable {
    private let tokenizer: Tokenizer
    private let format: ChatFormat?
    private let templateVariables: [String: ChatValue]
    /// Tokens of a prompt at most, and what says so.
    private let limit: Int
    private let expected: String
    /// Tokens that a context of another size can hold, if that is more; else 0.
    private let longest: Int

    package init(_ tokenizer: Tokenizer, _ model: ModelDescription, _ configuration: EngineConfiguration) {
        self.tokenizer = tokenizer
        format = configuration.chatFormat
        templateVariables = configuration.templateVariables
        let room = model.contextLength - 1
        limit = min(configuration.promptLimit ?? room, room)
        longest = limit < room || model.contextLength >= model.longestContext ? 0 : model.longestContext
        expected =
            limit < room ? "expected at most \(limit)" : "expected fewer than the context of \(model.contextLength)"
    }

    /// The prompt's tokens, at least one. What a completion is computed from has its begin token and opens the answer.
    /// - Throws: `EngineError`.
    package func tokens(
        of request: CompletionRequest, addsBeginToken: Bool = true, opensAnswer: Bool = true
    ) throws(EngineError) -> [Int32] {
        let tokens: [Int32]
        switch request.prompt {
        case .text(let text):
            try checkLength(text.utf8.count)
            tokens = encode(text.utf8, request, addsBeginToken)
        case .bytes(let bytes):
            try checkLength(bytes.count)
            tokens = encode(bytes, request, addsBeginToken)
        case .tokens(let ids):
            try checkCount(ids.count)
            try checkVocabulary(ids)
            tokens = ids
        case .chat(let messages):
            try checkLength(messages.reduce(0) { $0 + $1.content.utf8.count })
            tokens = try chatTokens(messages, request.templateVariables, opensAnswer)
        }
        guard !tokens.isEmpty else {
            throw EngineError(.invalidRequest, "the prompt is empty, expected at least one token")
        }
        try checkCount(tokens.count)
        return tokens
    }

    /// The text that tokens stand for, control tokens written out.
    /// - Throws: `EngineError` naming a token that is not in the vocabulary.
    func text(of tokens: [Int32]) throws(EngineError) -> String {
        try checkVocabulary(tokens)
        return String(decoding: tokenizer.decode(tokens, includingControl: true), as: UTF8.self)
    }

    /// The bytes that each token stands for.
    /// - Throws: `EngineError` naming a token that is not in the vocabulary.
    func pieces(of tokens: [Int32]) throws(EngineError) -> [[UInt8]] {
        try checkVocabulary(tokens)
        return tokens.map { Array(tokenizer.pieces[Int($0)]) }
    }

    /// The tokens as the vocabulary spells them.
    /// - Throws: `EngineError` naming a token that is not in the vocabulary.
    func spellings(of tokens: [Int32]) throws(EngineError) -> [String] {
        try checkVocabulary(tokens)
        return tokens.map { tokenizer.spelling(of: $0) }
    }

    /// Tokens of a text that stands within another, `limit` of them or somewhat more.
    func tokens(within text: Substring, limit: Int) -> [Int32] {
        tokenizer.encode(text.utf8, at: .within, upTo: limit)
    }

    private func checkVocabulary(_ tokens: [Int32]) throws(EngineError) {
        let vocabulary = 0..<Int32(tokenizer.vocabularySize)
        guard let wrong = tokens.first(where: { !vocabulary.contains($0) }) else { return }
        throw EngineError(.invalidRequest, "the prompt holds token \(wrong), expected 0 to \(vocabulary.count - 1)")
    }

    /// Somewhat more tokens than may be, so that a prompt that is a little too long is told by how much.
    private var worthCounting: Int { 4 * limit + 64 }

    private func encode(
        _ text: some Sequence<UInt8>, _ request: CompletionRequest, _ addsBeginToken: Bool
    ) -> [Int32] {
        tokenizer.encode(
            text, parsingSpecial: request.parsesControlTokens, addingBegin: addsBeginToken, upTo: worthCounting)
    }

    private func checkLength(_ bytes: Int) throws(EngineError) {
        let most = limit * tokenizer.longestPiece
        guard bytes <= most else {
            throw EngineError(
                .contextOverflow,
                "the prompt has \(bytes) bytes, expected at most \(most): \(limit) tokens of at most \(tokenizer.longestPiece)"
                    + advice(for: bytes / tokenizer.longestPiece)
            )
        }
    }

    private func checkCount(_ count: Int) throws(EngineError) {
        guard count > limit else { return }
        let shown = count < worthCounting ? "\(count)" : "\(worthCounting) or more"
        throw EngineError(.contextOverflow, "the prompt has \(shown) tokens, \(expected)\(advice(for: count))")
    }

    /// How to have a prompt of so many tokens at least, if that is possible.
    private func advice(for tokens: Int) -> String {
        tokens < longest ? "; --context takes up to \(longest)" : ""
    }

    private func chatTokens(
        _ messages: [ChatMessage], _ variables: [String: ChatValue], _ opensAnswer: Bool
    ) throws(EngineError) -> [Int32] {
        let usable = ChatFormat.allCases.filter { tokenizer.controlTokenMissing(for: $0) == nil }
        let formats = usable.map { "'\($0.rawValue)'" }.joined(separator: " or ")
        let advice =
            usable.isEmpty
            ? "its vocabulary has no format's control tokens: give it text to continue instead of messages"
            : "say which format to use: \(formats)"
        guard let template = format.map(ChatTemplate.init(format:)) ?? tokenizer.chatTemplate else {
            throw EngineError(
                .unsupportedChatTemplate, "the checkpoint has no chat template; \(advice)")
        }
        if let format, let token = tokenizer.controlTokenMissing(for: format) {
            throw EngineError(
                .unsupportedChatTemplate,
                "the chat format '\(format.rawValue)' needs the control token '\(token)', which the vocabulary lacks")
        }
        if let problem = ChatTemplate.problem(variables) { throw EngineError(.invalidRequest, problem) }
        var context = ChatContext()
        context.variables = templateVariables.merging(variables) { _, asked in asked }
        do throws(JinjaError) {
            let parts = try template.render(messages, opensAnswer: opensAnswer, context: context)
            return tokenizer.encode(parts, upTo: worthCounting)
        } catch {
            if error.kind == .raised {
                throw EngineError(
                    .invalidRequest,
                    "the model's chat template refuses the conversation: \(excerpt(error.message))")
            }
            // A template that is at fault itself calls for another format.
            throw EngineError(.unsupportedChatTemplate, "\(error); \(advice)")
        }
    }
}
