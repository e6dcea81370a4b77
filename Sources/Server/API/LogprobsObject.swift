import Speculate

/// Log probabilities in the format of their endpoint.
struct LogprobsObject: Encodable {
    let endpoint: Endpoint
    /// A prompt's first token has no log probability.
    var tokens: [Token]
    /// Characters before these tokens.
    let offset: Int

    struct Token {
        let text: String
        let logprobs: TokenLogprobs?

        init(_ logprobs: TokenLogprobs) {
            text = logprobs.chosen.text
            self.logprobs = logprobs
        }

        /// A text's first token, which follows nothing.
        init(first text: String) {
            self.text = text
            logprobs = nil
        }
    }

    private struct Candidate: Encodable {
        let token: String
        let logprob: Float
        let bytes: [UInt8]

        init(_ entry: TokenLogprobs.Entry) {
            token = entry.text
            logprob = entry.logprob
            bytes = entry.bytes
        }
    }

    private struct Chosen: Encodable {
        let token: String
        let logprob: Float
        let bytes: [UInt8]
        let topLogprobs: [Candidate]
    }

    private enum Key: CodingKey { case content, tokens, tokenLogprobs, topLogprobs, textOffset }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        switch endpoint {
        case .chat:
            let content = tokens.compactMap(\.logprobs).map {
                let chosen = Candidate($0.chosen)
                return Chosen(
                    token: chosen.token, logprob: chosen.logprob, bytes: chosen.bytes,
                    topLogprobs: $0.likeliest.map(Candidate.init))
            }
            try container.encode(content, forKey: .content)
        case .text:
            var offsets: [Int] = []
            var end = offset
            for token in tokens {
                offsets.append(end)
                end += token.text.count
            }
            try container.encode(tokens.map(\.text), forKey: .tokens)
            try container.encode(tokens.map(\.logprobs?.chosen.logprob), forKey: .tokenLogprobs)
            try container.encode(
                tokens.map { token in
                    token.logprobs.map { Dictionary($0.likeliest.map { ($0.text, $0.logprob) }, uniquingKeysWith: max) }
                }, forKey: .topLogprobs)
            try container.encode(offsets, forKey: .textOffset)
        }
    }
}

extension TokenLogprobs.Entry {
    fileprivate var text: String { String(decoding: bytes, as: UTF8.self) }
}
