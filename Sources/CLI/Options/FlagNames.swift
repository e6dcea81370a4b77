/// The flags of settings whose names the library's messages begin with.
enum FlagNames {
    private static let settings: Set<String> = [
        "temperature", "top_k", "top_p", "min_p", "repetition_penalty", "presence_penalty", "frequency_penalty",
        "logit_bias", "max_tokens", "stop", "depth", "passes", "tree", "threads", "context", "max_prompt", "parallel",
        "queue", "client_share", "chat_template_kwargs", "steps", "order", "sampler", "schedule", "remask",
    ]

    /// Turns "top_p is 2, …" into "--top-p is 2, …"; returns other messages unchanged.
    static func replacing(in message: String) -> String {
        let name = message.prefix { $0 != " " }
        guard settings.contains(String(name)) else { return message }
        return "--" + name.replacing("_", with: "-") + message.dropFirst(name.count)
    }
}
