import Foundation
import Hummingbird
import NIOCore
import Speculate
import SpeculateShared

/// What a client asks for: the body of a text or of a chat completion.
struct CompletionBody: Decodable {
    static let endpoint = CodingUserInfoKey(rawValue: "endpoint")!
    /// Choices of one request at most.
    static let maximumChoices = 128
    /// Of `cache_salt`.
    private static let maximumSaltBytes = 256
    /// Fields that cannot change an answer.
    private static let ignored: Set = [
        "user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention",
        "prediction", "parallel_tool_calls",
    ]

    let model: String
    let prompts: [CompletionRequest.Prompt]
    /// Choices for each prompt.
    let count: Int
    let isStreamed: Bool
    /// Whether a stream ends with what it took.
    let includesUsage: Bool
    /// Whether the pieces of a stream say which were drafted.
    let includesPieces: Bool
    let maximumTokens: Int?
    let sampling: SamplingOptions
    let stop: [String]
    let logprobs: Int?
    let cacheSalt: String?

    /// - Throws: `APIError` naming the field that is wrong.
    init(_ body: ByteBuffer, _ endpoint: Endpoint) throws {
        let decoder = JSONDecoder()
        decoder.userInfo[Self.endpoint] = endpoint
        do {
            self = try decoder.decode(Self.self, from: Data(buffer: body))
        } catch let error as APIError {
            throw error
        } catch {
            throw APIError.invalid("the body is not a JSON object")
        }
    }

    init(from decoder: any Decoder) throws {
        guard let endpoint = decoder.userInfo[Self.endpoint] as? Endpoint else { preconditionFailure() }
        var fields = try Fields(decoder)
        model = try fields.required("model", as: String.self, "the model's name")
        count = try fields.integer("n", in: 1...Self.maximumChoices) ?? 1
        switch endpoint {
        case .text:
            prompts = try fields.required("prompt", as: PromptField.self, PromptField.expected).prompts
            maximumTokens = try fields.integer("max_tokens") ?? 16
            logprobs = try fields.integer("logprobs")
            if let best = try fields.integer("best_of", in: 1...Self.maximumChoices), best != count {
                throw fields.wrong("best_of", "the number n, \(count)")
            }
            if try fields.bool("echo") { throw fields.wrong("echo", "false") }
            if let suffix = try fields.value("suffix", as: String.self, "no text"), !suffix.isEmpty {
                throw fields.wrong("suffix", "no text")
            }
        case .chat:
            let messages = try fields.required("messages", as: [MessageField].self, "an array of messages")
            guard !messages.isEmpty else { throw fields.wrong("messages", "at least one message") }
            prompts = [.chat(messages.map(\.message))]
            let old = try fields.integer("max_tokens")
            maximumTokens = try fields.integer("max_completion_tokens") ?? old
            let top = try fields.integer("top_logprobs", in: 0...Engine.maximumLogprobs)
            let isAsked = try fields.value("logprobs", as: Bool.self, "true or false")
            logprobs = isAsked ?? (top != nil) ? top ?? 0 : nil
            try Self.expectText(&fields)
        }
        guard !prompts.isEmpty else { throw fields.wrong("prompt", "at least one prompt") }
        guard prompts.count * count <= Self.maximumChoices else {
            throw APIError.invalid(
                "n is \(count) for each of \(prompts.count) prompts, expected at most \(Self.maximumChoices) in all",
                param: "n")
        }
        isStreamed = try fields.bool("stream")
        let options = try fields.value("stream_options", as: StreamOptions.self, "an object")
        includesUsage = options?.includeUsage ?? false
        includesPieces = options?.includePieces ?? false
        sampling = try Self.sampling(&fields)
        stop = try fields.value("stop", as: OneOrMany<String>.self, "text or an array of texts")?.values ?? []
        cacheSalt = try fields.value("cache_salt", as: String.self, "text")
        if let cacheSalt, !(1...Self.maximumSaltBytes).contains(cacheSalt.utf8.count) {
            throw APIError.invalid(
                "cache_salt has \(cacheSalt.utf8.count) bytes, expected 1 to \(Self.maximumSaltBytes)",
                param: "cache_salt")
        }
        if let problem = request(prompts[0], choice: 0, timeout: .zero, client: nil).problem() {
            throw APIError.invalid(problem, param: problem.prefix { !$0.isWhitespace }.description)
        }
        try fields.finish(ignoring: Self.ignored)
    }

    private static func expectText(_ fields: inout Fields) throws {
        struct Format: Decodable {
            let type: String
        }
        let format = try fields.value("response_format", as: Format.self, "the type 'text'")
        if let format, format.type != "text" { throw fields.wrong("response_format", "the type 'text'") }
        let modalities = try fields.value("modalities", as: [String].self, "['text']")
        if let modalities, modalities != ["text"] { throw fields.wrong("modalities", "['text']") }
    }

    private static func sampling(_ fields: inout Fields) throws -> SamplingOptions {
        var options = SamplingOptions(temperature: try fields.number("temperature") ?? 1)
        options.topP = try fields.number("top_p") ?? 1
        options.topK = try fields.integer("top_k") ?? 0
        options.minP = try fields.number("min_p") ?? 0
        options.presencePenalty = try fields.number("presence_penalty") ?? 0
        options.frequencyPenalty = try fields.number("frequency_penalty") ?? 0
        options.repetitionPenalty = try fields.number("repetition_penalty") ?? 1
        let expected = "an object of token ids and numbers"
        for (id, bias) in try fields.value("logit_bias", as: [String: Double].self, expected) ?? [:] {
            guard let token = Int32(id), "\(token)" == id else {
                throw APIError.invalid("logit_bias names \(excerpt(id)), expected token ids", param: "logit_bias")
            }
            options.logitBias[token] = Float(bias)
        }
        let seed = try fields.value("seed", as: Int64.self, "a whole number")
        options.seed = seed.map { UInt64(bitPattern: $0) } ?? .random(in: 0...UInt64(UInt32.max))
        return options
    }

    /// A request for every choice, those of a prompt next to each other.
    func requests(timeout: Duration, client: String?) -> [CompletionRequest] {
        prompts.flatMap { prompt in
            (0..<count).map { request(prompt, choice: $0, timeout: timeout, client: client) }
        }
    }

    private func request(
        _ prompt: CompletionRequest.Prompt, choice: Int, timeout: Duration, client: String?
    ) -> CompletionRequest {
        var sampling = sampling
        sampling.seed &+= UInt64(choice)
        return CompletionRequest(
            prompt, maximumTokens: maximumTokens, sampling: sampling, stop: stop, logprobs: logprobs, timeout: timeout,
            client: client, cacheSalt: cacheSalt)
    }
}
