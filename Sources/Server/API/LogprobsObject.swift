import Speculate

/// Log probabilities in the format of their endpoint.
struct LogprobsObject: Encodable {
    let endpoint: Endpoint
    /// A prompt's first token has no log probability.
    var tokens: [Token]
    /// Characters before these tokens.
    let offset: Int
    /// Tokens are named by their ids, as vLLM does: texts that are no whole characters all look alike.
    let namesIds: Bool

    struct Token {
        let id: Int32
        let text: String
        let logprobs: TokenLogprobs?

        init(_ logprobs: TokenLogprobs) {
            id = logprobs.chosen.token
            text = logprobs.chosen.text
            self.logprobs = logprobs
        }

        /// A text's first token, which follows nothing.
        init(first id: Int32, text: String) {
            self.id = id
            self.text = text
            logprobs = nil
        }
    }

    private struct Candidate: Encodable {
        let token: String
        let logprob: Float
        let bytes: [UInt8]

        init(_ entry: TokenLogprobs.Entry, _ name: String) {
            token = name
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

    private func name(_ id: Int32, _ text: String) -> String { namesIds ? "token_id:\(id)" : text }

    private func candidate(_ entry: TokenLogprobs.Entry) -> Candidate {
        Candidate(entry, name(entry.token, entry.text))
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        switch endpoint {
        case .chat:
            let content = tokens.compactMap(\.logprobs).map {
                let chosen = candidate($0.chosen)
                return Chosen(
                    token: chosen.token, logprob: chosen.logprob, bytes: chosen.bytes,
                    topLogprobs: $0.likeliest.map(candidate))
            }
            try container.encode(content, forKey: .content)
        case .text:
            var offsets: [Int] = []
            var end = offset
            for token in tokens {
                offsets.append(end)
                end += token.text.count
            }
            try container.encode(tokens.map { name($0.id, $0.text) }, forKey: .tokens)
            try container.encode(tokens.map(\.logprobs?.chosen.logprob), forKey: .tokenLogprobs)
            try container.encode(
                tokens.map { token in
                    token.logprobs.map {
                        Dictionary($0.likeliest.map { (name($0.token, $0.text), $0.logprob) }, uniquingKeysWith: max)
                    }
                }, forKey: .topLogprobs)
            try container.encode(offsets, forKey: .textOffset)
        }
    }
}

extension TokenLogprobs.Entry {
    fileprivate var text: String { String(decoding: bytes, as: UTF8.self) }
}
