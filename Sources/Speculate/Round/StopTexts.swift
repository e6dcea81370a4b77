/// Compiled stop texts, shared by all answers that end with them.
struct StopTexts: Sendable {
    let texts: [String]
    /// Nil if there are none.
    let matcher: StopMatcher?

    /// - Parameter texts: must not be empty.
    init(_ texts: [String]) {
        self.texts = texts
        matcher = texts.isEmpty ? nil : StopMatcher(texts.map { Array($0.utf8) })
    }
}
