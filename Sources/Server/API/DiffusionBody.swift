import Speculate
import SpeculateShared

/// The body of a request to write by diffusion alone: a text to continue, or a conversation to answer.
struct DiffusionBody: Decodable {
    /// The most passes over a block: each is an event.
    private static let maximumSteps = 64

    let model: String?
    var request: DiffusionRequest

    init(from decoder: any Decoder) throws {
        var fields = try Fields(decoder)
        model = try fields.value("model", as: String.self, "the model's name")
        let text = try fields.value("prompt", as: String.self, "text")
        let messages = try fields.value("messages", as: [MessageField].self, "an array of messages")
        let prompt: CompletionRequest.Prompt
        switch (text, messages) {
        case (let text?, nil): prompt = .text(text)
        case (nil, let messages?) where !messages.isEmpty: prompt = .chat(messages.map(\.message))
        default: throw APIError.invalid("either prompt or messages is expected", param: "prompt")
        }
        request = DiffusionRequest(prompt)
        if messages != nil { request.templateVariables = try TemplateVariables(&fields).values }
        request.maximumTokens =
            try fields.integer("max_tokens", in: 1...Int(Int32.max)) ?? request.maximumTokens
        request.steps = try fields.integer("steps", in: 1...Self.maximumSteps) ?? request.steps
        request.order = try Self.named("order", &fields)
        request.reveals = try Self.named("schedule", &fields)
        request.masksAgain = try fields.bool("remask")
        request.sampler = try Self.named("sampler", &fields)
        request.temperature = try fields.number("temperature")
        request.seed =
            try fields.value("seed", as: UInt64.self, "a whole number, 0 or more")
            ?? UInt64.random(in: 0...UInt64(UInt32.max))
        if try fields.value("stream", as: Bool.self, "true") == false {
            throw APIError.invalid("stream is false, expected true or none: every pass is an event", param: "stream")
        }
        if let problem = request.problem() {
            throw APIError.invalid(problem, param: String(problem.prefix { $0 != " " }))
        }
        try fields.finish()
    }

    private static func named<Value: RawRepresentable<String> & CaseIterable>(
        _ name: String, _ fields: inout Fields
    ) throws -> Value? {
        let expected = Value.allCases.map { "'\($0.rawValue)'" }.joined(separator: " or ")
        guard let given = try fields.value(name, as: String.self, expected) else { return nil }
        guard let value = Value(rawValue: given) else { throw fields.wrong(name, expected) }
        return value
    }
}
