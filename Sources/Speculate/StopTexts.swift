/// Stop texts, ready to be looked for: made once for all answers that end with them.
struct StopTexts: Sendable {
    let texts: [String]
    /// Nil where there is nothing to look for.
    let matcher: StopMatcher?

    /// - Parameter texts: none of them empty.
    init(_ texts: [String]) {
        self.texts = texts
        matcher = texts.isEmpty ? nil : StopMatcher(texts.map { Array($0.utf8) })
    }
}
