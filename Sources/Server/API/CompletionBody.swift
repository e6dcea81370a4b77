import Foundation
import Hummingbird
import NIOCore
import Speculate
import SpeculateShared

/// The body of a text or chat completion request.
struct CompletionBody: Decodable {
    /// The context for decoding a body, passed as a decoder's `userInfo`.
    struct Context: Sendable {
        let endpoint: Endpoint
        let defaults: RequestDefaults
    }

    private static let context = CodingUserInfoKey(rawValue: "context")!
    /// The most choices of a request.
    static let maximumChoices = 128
    /// Limits on reported tokens, which take hundreds of bytes each and are kept until the whole answer is sent: on
    /// choices times likeliest tokens per token, and, when prompts are reported too, on choices and on likeliest
    /// tokens.
    private static let maximumReports = 256
    private static let maximumEchoes = 8
    private static let maximumEchoedLogprobs = 5
    /// The most bytes of `cache_salt`.
    private static let maximumSaltBytes = 256
    /// Fields that cannot change an answer.
    private static let ignored: Set = [
        "user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention",
        "prediction", "parallel_tool_calls", "reasoning_effort", "verbosity", "cache_prompt", "mirostat_tau",
        "mirostat_eta",
    ]
    /// Fields of other servers without an equivalent here, each with the value that has no effect.
    private static let neutral: [(name: String, value: Double)] = [
        ("min_tokens", 0), ("length_penalty", 1), ("typical_p", 1), ("mirostat", 0), ("tfs_z", 1),
        ("xtc_probability", 0), ("dry_multiplier", 0), ("dynatemp_range", 0), ("top_n_sigma", -1), ("n_keep", 0),
        ("priority", 0),
    ]
    private static let neutralFlags: [(name: String, value: Bool)] = [
        ("ignore_eos", false), ("use_beam_search", false), ("skip_special_tokens", true), ("early_stopping", false),
        ("spaces_between_special_tokens", true), ("include_stop_str_in_output", false),
    ]
    private static let neutralWords: [(name: String, value: String)] = [
        ("tool_choice", "none"), ("function_call", "none"),
    ]

    /// nil: the served one.
    let model: String?
    let prompts: [CompletionRequest.Prompt]
    /// For the chat template.
    let templateVariables: [String: ChatValue]
    /// Choices per prompt.
    let count: Int
    let isStreamed: Bool
    /// Whether a stream ends with its usage.
    let includesUsage: Bool
    /// Whether a stream's pieces say if they were drafted.
    let includesPieces: Bool
    /// Whether a stream reports its rounds.
    let includesRounds: Bool
    /// nil: the server's setting.
    let speculation: Speculation?
    /// nil: as many as fit the context.
    let maximumTokens: Int?
    /// Whether the answer starts with the prompt.
    let echoes: Bool
    let endsLoops: Bool
    let sampling: SamplingOptions
    let stop: [String]
    let logprobs: Int?
    /// Whether log probabilities name tokens by their ids.
    let namesTokenIds: Bool
    let cacheSalt: String?

    /// - Throws: `APIError` naming the field at fault.
    init(_ body: ByteBuffer, _ context: Context) throws {
        let decoder = JSONDecoder()
        decoder.userInfo[Self.context] = context
        self = try decoder.decode(body)
    }

    init(from decoder: any Decoder) throws {
        guard let context = decoder.userInfo[Self.context] as? Context else { preconditionFailure() }
        let endpoint = context.endpoint
        var fields = try Fields(decoder)
        model = try fields.value("model", as: String.self, "the model's name")
        count = try fields.integer("n", in: 1...Self.maximumChoices) ?? 1
        switch endpoint {
        case .text:
            prompts = try fields.required("prompt", as: PromptField.self, PromptField.expected).prompts
            maximumTokens = try Self.maximumTokens(&fields, ["max_tokens", "n_predict"]) ?? context.defaults.textTokens
            echoes = try fields.bool("echo")
            logprobs = try fields.integer("logprobs")
            if let suffix = try fields.value("suffix", as: String.self, "no text"), !suffix.isEmpty {
                throw fields.wrong("suffix", "no text")
            }
            for name in ["add_special_tokens", "add_generation_prompt"] { try fields.expect(name, true) }
            _ = try fields.value("chat_template_kwargs", as: EmptyObject.self, "an empty object for a text")
            templateVariables = [:]
            try fields.expect("continue_final_message", false)
        case .chat:
            let messages = try fields.required("messages", as: [MessageField].self, "an array of messages")
            guard !messages.isEmpty else { throw fields.wrong("messages", "at least one message") }
            guard try ConversationEnd(&fields, messages).opensAnswer else {
                throw fields.wrong("add_generation_prompt", "true, or continue_final_message with it")
            }
            prompts = [.chat(messages.map(\.message))]
            templateVariables = try TemplateVariables(&fields).values
            maximumTokens =
                try Self.maximumTokens(&fields, ["max_completion_tokens", "max_tokens", "n_predict"])
                ?? context.defaults.maximumTokens
            if try fields.bool("echo") { throw fields.wrong("echo", "false for a conversation") }
            echoes = false
            let top = try fields.integer("top_logprobs", in: 0...Engine.maximumLogprobs)
            let isAsked = try fields.value("logprobs", as: Bool.self, "true or false")
            logprobs = isAsked ?? (top != nil) ? top ?? 0 : nil
            let modalities = try fields.value("modalities", as: [String].self, "['text']")
            if let modalities, modalities != ["text"] { throw fields.wrong("modalities", "['text']") }
            // The chat format decides how a conversation begins.
            _ = try fields.bool("add_special_tokens")
        }
        try Self.expectText(&fields)
        if let best = try fields.integer("best_of", in: 1...Self.maximumChoices), best != count {
            throw fields.wrong("best_of", "the number n, \(count)")
        }
        guard !prompts.isEmpty else { throw fields.wrong("prompt", "at least one prompt") }
        guard prompts.count * count <= Self.maximumChoices else {
            throw APIError.invalid(
                "n is \(count) for each of \(prompts.count) prompts, expected at most \(Self.maximumChoices) in all",
                param: "n")
        }
        if echoes, logprobs != nil || maximumTokens == 0 {
            guard prompts.count * count <= Self.maximumEchoes else {
                throw APIError.invalid(
                    "n is \(count) for each of \(prompts.count) prompts, expected at most \(Self.maximumEchoes) in all with echo",
                    param: "n")
            }
            if let logprobs, logprobs > Self.maximumEchoedLogprobs {
                throw fields.wrong("logprobs", "0 to \(Self.maximumEchoedLogprobs) with echo")
            }
        }
        namesTokenIds = try fields.bool("return_tokens_as_token_ids")
        isStreamed = try fields.bool("stream")
        if echoes, isStreamed { throw fields.wrong("echo", "false for an answer that is streamed") }
        endsLoops = try fields.bool("end_loops")
        let options = try fields.value("stream_options", as: StreamOptions.self, "an object")
        includesUsage = options?.includeUsage ?? false
        includesPieces = options?.includePieces ?? false
        includesRounds = options?.includeRounds ?? false
        speculation = try Self.speculation(&fields)
        sampling = try Self.sampling(&fields, context.defaults.sampling)
        if try fields.integer("repeat_last_n") != nil, sampling.hasPenalties {
            throw fields.wrong("repeat_last_n", "it to be left out beside a penalty, which looks at the whole text")
        }
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
        let reports = prompts.count * count * ((logprobs ?? -1) + 1)
        if !isStreamed, reports > Self.maximumReports {
            throw APIError.invalid(
                "\(prompts.count * count) choices tell \((logprobs ?? 0) + 1) tokens at each place, expected at most \(Self.maximumReports) in all, or a stream",
                param: "logprobs")
        }
        try Self.expectNeutral(&fields)
        try fields.finish(ignoring: Self.ignored)
    }

    /// The first of these fields that is present; −1 fills the context, as in llama.cpp.
    private static func maximumTokens(_ fields: inout Fields, _ names: [String]) throws -> Int?? {
        var asked: Int??
        for name in names.reversed() {
            guard let value = try fields.integer(name) else { continue }
            if value < -1 { throw fields.wrong(name, "1 or more, or -1") }
            asked = .some(value == -1 ? nil : value)
        }
        return asked
    }

    private static func expectNeutral(_ fields: inout Fields) throws {
        for (name, value) in neutral {
            let plain = Int(exactly: value).map(String.init) ?? "\(value)"
            guard let asked = try fields.value(name, as: Double.self, plain) else { continue }
            if asked != value { throw fields.wrong(name, plain) }
        }
        for (name, value) in neutralFlags { try fields.expect(name, value) }
        for (name, value) in neutralWords {
            guard let asked = try fields.value(name, as: String.self, "'\(value)'") else { continue }
            if asked != value { throw fields.wrong(name, "'\(value)'") }
        }
    }

    /// Capped to what could pay off: all other clients wait for one client's drafts.
    private static func speculation(_ fields: inout Fields) throws -> Speculation? {
        let expected =
            "adaptive, none, or as in lookup:8, diffusion:4x2, tree:6 and eagle:5, up to 16 tokens and 4 passes"
        guard let name = try fields.value("speculation", as: String.self, expected) else { return nil }
        guard let speculation = Speculation(name) else { throw fields.wrong("speculation", expected) }
        switch speculation {
        case .adaptive, .none: return speculation
        case .lookup(1...16), .tree(1...16), .eagle(1...16), .diffusion(1...16, 1...4): return speculation
        default: throw fields.wrong("speculation", expected)
        }
    }

    private static func expectText(_ fields: inout Fields) throws {
        struct Format: Decodable {
            let type: String
        }
        let format = try fields.value("response_format", as: Format.self, "the type 'text'")
        if let format, format.type != "text" {
            throw APIError.invalid(
                "response_format \(excerpt(format.type)) is not supported, expected 'text'", param: "response_format",
                code: "unsupported_parameter")
        }
    }

    private static func sampling(_ fields: inout Fields, _ defaults: SamplingDefaults) throws -> SamplingOptions {
        var options = defaults.options()
        options.temperature = try fields.number("temperature") ?? options.temperature
        options.topP = try fields.number("top_p") ?? options.topP
        let topK = try fields.integer("top_k") ?? options.topK
        options.topK = topK == -1 ? 0 : topK  // vLLM's value for "all".
        options.minP = try fields.number("min_p") ?? options.minP
        options.presencePenalty = try fields.number("presence_penalty") ?? 0
        options.frequencyPenalty = try fields.number("frequency_penalty") ?? 0
        let other = try fields.number("repeat_penalty")
        let penalty = try fields.number("repetition_penalty")
        if let other, let penalty, other != penalty {
            throw fields.wrong("repeat_penalty", "repetition_penalty's \(penalty)")
        }
        options.repetitionPenalty = penalty ?? other ?? options.repetitionPenalty
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

    /// One request per choice, those of a prompt next to each other.
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
        // An echo with nothing after it needs the prompt's log probabilities, requested or not.
        let isEchoAlone = echoes && maximumTokens == 0
        var request = CompletionRequest(
            prompt, maximumTokens: maximumTokens, sampling: sampling, stop: stop, endsLoops: endsLoops,
            speculation: speculation, logprobs: logprobs ?? (isEchoAlone ? 0 : nil),
            promptLogprobs: echoes && logprobs != nil || isEchoAlone,
            reportsRounds: includesRounds,
            timeout: timeout, client: client, cacheSalt: cacheSalt)
        request.templateVariables = templateVariables
        return request
    }
}
