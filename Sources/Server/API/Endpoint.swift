/// The two kinds of completions, which differ in the shape of requests and answers.
enum Endpoint: Sendable {
    case text
    case chat
}
