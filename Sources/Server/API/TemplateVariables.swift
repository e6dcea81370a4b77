import Speculate
import SpeculateShared

/// What a conversation tells the chat template beside its messages, by vLLM's and llama.cpp's field, and by OpenAI's
/// `reasoning_effort`.
struct TemplateVariables {
    let values: [String: ChatValue]

    /// - Throws: `APIError` naming the field at fault.
    init(_ fields: inout Fields) throws {
        let name = "chat_template_kwargs"
        let expected = "an object whose values are \(ChatValue.decodable)"
        var values = try fields.value(name, as: Dictionary<String, ChatValue>.self, expected) ?? [:]
        if let problem = ChatTemplate.problem(values) { throw APIError.invalid(problem, param: name) }
        if let effort = try fields.value("reasoning_effort", as: String.self, "text"),
            values["reasoning_effort"] == nil
        {
            values["reasoning_effort"] = .text(effort)
        }
        self.values = values
    }
}
