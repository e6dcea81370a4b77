import Speculate

/// The prompt of a text completion: text, token ids, or several of either.
struct PromptField: Decodable {
    static let expected = "text, an array of token ids, or an array of such prompts"

    let prompts: [CompletionRequest.Prompt]

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let text = try? container.decode(String.self) {
            prompts = [.text(text)]
        } else if let tokens = try? container.decode([Int32].self) {
            prompts = [.tokens(tokens)]
        } else if let texts = try? container.decode([String].self) {
            prompts = texts.map { .text($0) }
        } else {
            prompts = try container.decode([[Int32]].self).map { .tokens($0) }
        }
    }
}
