import Speculate

/// Log probabilities in the shape of their endpoint.
struct LogprobsObject: Encodable {
    let endpoint: Endpoint
    let tokens: [TokenLogprobs]
    /// Characters of the answer before these.
    let offset: Int

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
            let content = tokens.map {
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
                end += token.chosen.text.count
            }
            try container.encode(tokens.map(\.chosen.text), forKey: .tokens)
            try container.encode(tokens.map(\.chosen.logprob), forKey: .tokenLogprobs)
            try container.encode(
                tokens.map { Dictionary($0.likeliest.map { ($0.text, $0.logprob) }, uniquingKeysWith: max) },
                forKey: .topLogprobs)
            try container.encode(offsets, forKey: .textOffset)
        }
    }
}

extension TokenLogprobs.Entry {
    fileprivate var text: String { String(decoding: bytes, as: UTF8.self) }
}
