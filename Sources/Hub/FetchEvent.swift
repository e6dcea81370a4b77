/// What happens while a model is fetched.
package enum FetchEvent: Sendable {
    /// Another process is fetching the file; this one waits.
    case waiting(file: String)
    /// The part that is here already is read, to go on from it.
    case checking(file: String)
    /// `done` of `total` bytes are here.
    case advanced(file: String, done: Int, total: Int)
    /// Something failed that may not fail again.
    case retrying(reason: String, pause: Duration)
    case fetched(file: String, byteCount: Int)
    /// The file was here, and is the hub's.
    case unchanged(file: String)
}
