/// The conversation formats known here by name.
public enum ChatFormat: String, Sendable, CaseIterable {
    case chatml
    case llama3 = "llama-3"
}
