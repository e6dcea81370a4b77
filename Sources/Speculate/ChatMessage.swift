/// One turn of a conversation.
public struct ChatMessage: Equatable, Sendable {
    /// As the chat template knows it: "system", "user" or "assistant".
    public var role: String
    public var content: String

    public init(role: String, content: String) {
        self.role = role
        self.content = content
    }
}
