import SpeculateShared

extension Engine {
    /// A prompt as the model reads it, with what its chat format adds.
    /// - Parameters:
    ///   - prompt: in any of its kinds.
    ///   - parsesControlTokens: whether control tokens written out in a text become those tokens.
    ///   - addsBeginToken: whether a text begins with the token that the model was made to begin with, if any.
    ///   - opensAnswer: whether a conversation ends where the assistant answers; else every turn is closed, and nothing
    ///     follows the last one.
    ///   - templateVariables: as in `CompletionRequest`.
    /// - Throws: `EngineError` where a completion of it would be refused.
    public nonisolated func tokenize(
        _ prompt: CompletionRequest.Prompt, parsesControlTokens: Bool = false, addsBeginToken: Bool = true,
        opensAnswer: Bool = true, templateVariables: [String: ChatValue] = [:]
    ) async throws(EngineError) -> [Int32] {
        var request = CompletionRequest(prompt, parsesControlTokens: parsesControlTokens)
        request.templateVariables = templateVariables
        return try await preparation.tokens(of: request, addsBeginToken: addsBeginToken, opensAnswer: opensAnswer)
    }

    /// How many tokens a completion of the prompt would read.
    /// - Throws: `EngineError` where a completion of it would be refused.
    public nonisolated func countTokens(_ prompt: CompletionRequest.Prompt) async throws(EngineError) -> Int {
        try await tokenize(prompt).count
    }

    /// The text that tokens stand for, control tokens written out. Bytes that are no UTF-8 become U+FFFD.
    /// - Throws: `EngineError` naming a token that is not in the vocabulary.
    public nonisolated func detokenize(_ tokens: [Int32]) throws(EngineError) -> String {
        try reader.text(of: tokens)
    }

    /// The bytes that each token stands for, which need not be whole characters.
    /// - Throws: `EngineError` naming a token that is not in the vocabulary.
    public nonisolated func pieces(of tokens: [Int32]) throws(EngineError) -> [[UInt8]] {
        try reader.pieces(of: tokens)
    }

    /// The tokens as the vocabulary spells them: a space is `Ġ`, control tokens are written out.
    /// - Throws: `EngineError` naming a token that is not in the vocabulary.
    package nonisolated func spellings(of tokens: [Int32]) throws(EngineError) -> [String] {
        try reader.spellings(of: tokens)
    }
}
