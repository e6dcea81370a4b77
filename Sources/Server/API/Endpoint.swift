/// The two kinds of completions, which differ in the shape of what goes in and out.
enum Endpoint: Sendable {
    case text
    case chat
}
