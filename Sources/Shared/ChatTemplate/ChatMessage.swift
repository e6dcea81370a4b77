/// One turn of a conversation.
public struct ChatMessage: Equatable, Sendable {
    /// Who speaks, as chat templates name it.
    public enum Role: String, Sendable, CaseIterable {
        case system, user, assistant
    }

    public var role: Role
    public var content: String

    public init(role: Role, content: String) {
        self.role = role
        self.content = content
    }
}
