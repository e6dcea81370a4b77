/// What an engine does with its file of remembered texts.
package enum TextMemoryUse {
    /// Drafts from it, and keeps what requests say in it, apart for each client.
    case keep
    /// Keeps what requests say for all clients.
    case share
    /// Drafts from it and leaves it as it is.
    case read
}
