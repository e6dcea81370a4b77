/// Where drafts come from.
public enum DrafterSource: Sendable {
    /// No drafts: plain decoding.
    case none
    /// What followed the same words earlier in the text.
    case promptLookup
}
