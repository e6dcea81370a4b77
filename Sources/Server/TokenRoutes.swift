import Foundation
import Hummingbird
import Speculate

/// `/tokenize`, `/detokenize` and `/tokenizer_info`, in formats that clients of vLLM and of llama.cpp understand.
struct TokenRoutes: Sendable {
    let holder: EngineHolder
    let options: ServerOptions
    let largeBodies: LargeBodies
    /// The model's name for clients.
    let model: String

    private struct Tokens: Encodable {
        let tokens: [Token]
        let count, maxModelLen: Int
        let tokenStrs: [String]?
    }

    private enum Token: Encodable {
        case id(Int32)
        case piece(Int32, [UInt8])

        private enum Key: CodingKey { case id, piece }

        func encode(to encoder: any Encoder) throws {
            switch self {
            case .id(let id):
                var container = encoder.singleValueContainer()
                try container.encode(id)
            case .piece(let id, let bytes):
                var container = encoder.container(keyedBy: Key.self)
                try container.encode(id, forKey: .id)
                // A partial character is reported as bytes, as in llama.cpp.
                if let text = String(validating: bytes, as: UTF8.self) {
                    try container.encode(text, forKey: .piece)
                } else {
                    try container.encode(bytes, forKey: .piece)
                }
            }
        }
    }

    private struct Text: Encodable {
        let prompt, content: String
    }

    private struct Info: Encodable {
        let bosToken, eosToken: String?
        let maxModelLen: Int
    }

    /// What evaluation programs request before they use the other two.
    func info() async throws -> Response {
        let model = try await holder.loaded.model
        return try Response(
            json: Info(bosToken: model.beginToken, eosToken: model.endToken, maxModelLen: model.contextLength))
    }

    func tokenize(_ request: Request, _ context: ServerContext) async throws -> Response {
        let engine = try await holder.loaded
        let body: TokenizeBody = try await read(request, context)
        try check(body.model)
        let tokens: [Int32]
        let pieces: [[UInt8]]?
        let spellings: [String]?
        do throws(EngineError) {
            tokens = try await engine.tokenize(
                body.prompt, parsesControlTokens: body.parsesControlTokens, addsBeginToken: body.addsBeginToken,
                opensAnswer: body.opensAnswer, templateVariables: body.templateVariables)
            pieces = body.includesPieces ? try engine.pieces(of: tokens) : nil
            spellings = body.includesSpellings ? try engine.spellings(of: tokens) : nil
        } catch {
            throw APIError(error)
        }
        let shown = pieces.map { zip(tokens, $0).map(Token.piece) } ?? tokens.map(Token.id)
        return try Response(
            json: Tokens(
                tokens: shown, count: tokens.count, maxModelLen: engine.model.contextLength, tokenStrs: spellings))
    }

    func detokenize(_ request: Request, _ context: ServerContext) async throws -> Response {
        let engine = try await holder.loaded
        let body: DetokenizeBody = try await read(request, context)
        try check(body.model)
        let text: String
        do throws(EngineError) {
            text = try engine.detokenize(body.tokens)
        } catch {
            throw APIError(error)
        }
        return try Response(json: Text(prompt: text, content: text))
    }

    private func check(_ asked: String?) throws {
        if let asked, asked != model { throw APIError.unknownModel(asked, served: model) }
    }

    private func read<Body: Decodable & Sendable>(_ request: Request, _ context: ServerContext) async throws -> Body {
        let body = try await JSONBody(limit: options.bodyLimit, time: options.bodyTime).collect(request, context)
        return try await largeBodies.decode(body) { try JSONDecoder().decode($0) }
    }
}
