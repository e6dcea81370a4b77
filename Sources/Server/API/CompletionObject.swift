/// A whole completion, or a chunk of a streamed one.
struct CompletionObject: Encodable {
    struct Usage: Encodable {
        struct Prompt: Encodable { let cachedTokens: Int }
        struct Completion: Encodable { let acceptedPredictionTokens, rejectedPredictionTokens: Int }

        let promptTokens, completionTokens, totalTokens: Int
        let promptTokensDetails: Prompt
        let completionTokensDetails: Completion
    }

    /// Statistics of the drafts: an extension of this server's.
    struct Speculation: Encodable {
        let rounds: Int
        let acceptanceLength, tokensPerSecond, timeToFirstTokenMs: Double
    }

    let id, object: String
    let created: Int
    let model: String
    var choices: [CompletionChoice] = []
    var usage: Usage?
    var speculation: Speculation?
}
