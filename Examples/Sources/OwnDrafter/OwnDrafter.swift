import Speculate

/// Answers a question without drafts and with a drafter of this package's own:
/// `swift run OwnDrafter VERIFIER.gguf "List the days of the week, three times."`
@main
struct OwnDrafter {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3 else {
            print("usage: OwnDrafter VERIFIER.gguf QUESTION")
            return
        }
        let drafter = CustomDrafter(name: "followers") { _ in FollowerDrafter() }
        let engine = try await Engine.load(verifier: arguments[1], drafter: .custom(drafter))
        var texts: Set<String> = []
        // None; three tokens every round; and as many as pay, beside what followed the same words earlier.
        for speculation in [Speculation.none, .custom(depth: 3), .adaptive] {
            let request = CompletionRequest(
                .chat([ChatMessage(role: .user, content: arguments[2])]), maximumTokens: 200, speculation: speculation)
            let result = try await engine.complete(request)
            texts.insert(result.text)
            let statistics = result.statistics
            print("\(speculation): \(statistics.completionTokens) tokens in \(statistics.rounds) rounds")
        }
        print(texts.count == 1 ? "The same text each time:\n\(texts.first!)" : "texts differ, which must not be")
    }
}
