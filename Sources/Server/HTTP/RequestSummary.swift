/// A completion's size, for the log.
struct RequestSummary: Sendable {
    let tokens: Int
    let rounds: Int
}
