/// How a conversation is formatted for the model: by the checkpoint's own Jinja template, or in a format known by name.
///
/// A template that cannot be read is an error, but only for requests that need it.
package struct ChatTemplate: Sendable {
    /// A piece of a rendered conversation. Nobody's words become control tokens: only the template's do.
    package enum Part: Equatable, Sendable {
        /// The template's own text, in which control tokens are spelled out.
        case template(String)
        /// What comes from the conversation.
        case content(String)
    }

    private enum Source: Sendable {
        case format(ChatFormat)
        case jinja(JinjaTemplate)
        case unreadable(JinjaError)
    }

    /// Lines of the checkpoint's template; nil for a format known by name.
    package let lines: Int?

    private let source: Source
    /// The texts of special tokens that templates refer to, such as `bos_token`.
    private let specialTokens: [String: String]
    private let limits: JinjaLimits

    /// - Parameters:
    ///   - jinja: the checkpoint's template.
    ///   - specialTokens: by the names that templates use, such as `bos_token`.
    package init(jinja: String, specialTokens: [String: String] = [:], limits: JinjaLimits = JinjaLimits()) {
        lines = jinja.split(separator: "\n", omittingEmptySubsequences: false).count
        self.specialTokens = specialTokens
        self.limits = limits
        do throws(JinjaError) {
            source = .jinja(try JinjaTemplate(jinja, limits: limits))
        } catch {
            source = .unreadable(error)
        }
    }

    package init(format: ChatFormat) {
        source = .format(format)
        lines = nil
        specialTokens = [:]
        limits = JinjaLimits()
    }

    /// The format, where it is one known by name.
    package var format: ChatFormat? { if case .format(let format) = source { format } else { nil } }

    /// Why the checkpoint's template cannot be read; nil if it can.
    package var error: JinjaError? { if case .unreadable(let error) = source { error } else { nil } }

    /// The conversation, up to where the assistant continues: in a new turn, or in one that it has begun.
    /// - Parameter opensAnswer: false closes every turn instead, and opens none.
    /// - Throws: `JinjaError` if the template cannot be read, or refuses the conversation.
    package func render(
        _ messages: [ChatMessage], opensAnswer: Bool = true, context: ChatContext = ChatContext()
    ) throws(JinjaError) -> [Part] {
        guard case .format(let format) = source else {
            let values = messages.map { message -> ChatValue in
                ["role": .text(message.role.rawValue), "content": .text(message.content)]
            }
            return try render(values: values, opensAnswer: opensAnswer, context: context)
        }
        var turns = messages
        let begun = opensAnswer && turns.last?.role == .assistant ? turns.removeLast().content : ""
        var text = JinjaString()
        for turn in turns {
            text.append(format.opening(turn.role))
            text.append(JinjaString(turn.content, isForeign: true))
            text.append(format.closing)
        }
        if opensAnswer {
            text.append(format.opening(.assistant))
            text.append(JinjaString(begun, isForeign: true))
        }
        return text.parts
    }

    // MARK: Jinja

    /// Renders messages as JSON has them, with tool calls and whatever else the template knows.
    /// - Throws: `JinjaError`.
    package func render(
        values messages: [ChatValue], opensAnswer: Bool = true, context: ChatContext = ChatContext()
    ) throws(JinjaError) -> [Part] {
        let template: JinjaTemplate
        switch source {
        case .jinja(let readable): template = readable
        case .unreadable(let error): throw error
        case .format(let format):
            throw JinjaError(.unsupported, "the format '\(format.rawValue)'", expected: "the checkpoint's template")
        }
        var messages = messages
        var continues = false
        if opensAnswer, let last = messages.last, last["role"] == "assistant" {
            if last["content"] == "" { messages.removeLast() } else { continues = true }
        }
        if continues, case .object(var members) = messages.removeLast() {
            guard let place = members.lastIndex(where: { $0.name == "content" }),
                case .text(let begun) = members[place].value
            else { throw JinjaError(.value, "an answer to continue without content", expected: "text") }
            members[place].value = .text(begun + Self.mark)
            messages.append(.object(members))
        }
        var variables = try variables(context)
        variables["messages"] = .list(try messages.map { message throws(JinjaError) in try value(of: message) })
        variables["add_generation_prompt"] = .bool(opensAnswer && !continues)
        let size = variables.values.reduce(0) { $0 + $1.size }
        let text = try template.render(
            variables, now: context.now ?? .now(), allowance: Self.workPerCharacter * size)
        return (continues ? try Self.cut(text) : text).parts
    }

    /// Variables of templates that `ChatContext.variables` must not name: what they say is not for requests to set.
    package static let reservedVariables: Set<String> = [
        "messages", "tools", "add_generation_prompt", "bos_token", "eos_token", "unk_token", "pad_token",
    ]

    /// Names the first variable that is reserved; nil if none is.
    package static func problem(_ variables: [String: ChatValue]) -> String? {
        variables.keys.filter(reservedVariables.contains).min().map {
            "chat_template_kwargs names '\($0)', expected variables other than \(reservedVariables.sorted().joined(separator: ", "))"
        }
    }

    /// Work granted for each character of the conversation.
    private static let workPerCharacter = 64

    private func variables(_ context: ChatContext) throws(JinjaError) -> [String: JinjaValue] {
        var variables = specialTokens.mapValues { JinjaValue.text($0) }
        let tools = try context.tools.map { tool throws(JinjaError) in try JinjaValue(tool, depth: limits.depth - 1) }
        variables["tools"] = tools.isEmpty ? JinjaValue.none : .list(tools)
        variables["documents"] = JinjaValue.none
        for (name, value) in context.variables { variables[name] = try JinjaValue(value, depth: limits.depth) }
        return variables
    }

    /// Roles that count as the template's own text: some templates make a control token of the role.
    private static let roles: Set<String> = [
        "system", "user", "assistant", "tool", "developer", "function", "ipython",
    ]

    private func value(of message: ChatValue) throws(JinjaError) -> JinjaValue {
        let value = try JinjaValue(message, depth: limits.depth - 1)
        guard case .dictionary(var members) = value, let role = members[name: "role"]?.string?.text,
            Self.roles.contains(role)
        else { return value }
        try members.set(.text("role"), .text(role))
        return .dictionary(members)
    }

    // MARK: Continuing an answer

    /// Put after a begun answer and looked for in what is rendered: its end is where the assistant continues.
    private static let mark = "CONTINUE_FINAL_MESSAGE_TAG "

    /// The text up to the mark; if the template took the space of the mark, it takes that before the mark as well.
    private static func cut(_ text: JinjaString) throws(JinjaError) -> JinjaString {
        let mark = JinjaString(mark)
        let bare = mark.trimmed()
        guard let fromEnd = text.reversed.firstIndex(of: bare.reversed) else {
            throw JinjaError(.value, "the begun answer is not in the rendered conversation")
        }
        let place = text.count - fromEnd - bare.count
        let keepsSpace = text[place..<min(place + mark.count, text.count)] == mark
        return keepsSpace ? text[0..<place] : text[0..<place].trimmed(left: false)
    }
}
