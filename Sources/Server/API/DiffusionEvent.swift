import Speculate

/// What a stream of a diffusion tells: a block after a pass, or at last how it ended.
enum DiffusionEvent: Encodable {
    private struct Token: Encodable {
        let text: String
        let certainty: Float
        let settled: Bool
    }

    private struct Usage: Encodable {
        let completionTokens, blocks, passes: Int
    }

    private enum Key: String, CodingKey {
        case block, pass, passes, tokens, text, process, seed, finishReason, usage
    }

    case step(DiffusionStep)
    case end(DiffusionResult, process: String, seed: UInt64)

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        switch self {
        case .step(let step):
            try container.encode(step.block, forKey: .block)
            try container.encode(step.pass, forKey: .pass)
            try container.encode(step.passes, forKey: .passes)
            try container.encode(
                step.tokens.map { Token(text: $0.text, certainty: $0.certainty, settled: $0.isSettled) },
                forKey: .tokens)
            try container.encodeIfPresent(step.text, forKey: .text)
        case .end(let result, let process, let seed):
            try container.encode(process, forKey: .process)
            try container.encode(seed, forKey: .seed)
            try container.encode(result.finishReason == .endOfText ? "stop" : "length", forKey: .finishReason)
            try container.encode(
                Usage(completionTokens: result.tokens.count, blocks: result.blocks, passes: result.passes),
                forKey: .usage)
        }
    }
}
