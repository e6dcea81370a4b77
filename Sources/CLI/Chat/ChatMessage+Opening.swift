import Speculate

extension [ChatMessage] {
    /// A conversation's first turns: the system's, if there is one.
    static func opening(system: String?) -> [ChatMessage] {
        system.map { [ChatMessage(role: .system, content: $0)] } ?? []
    }
}
