import Speculate

/// Streams the answer to one question: `swift run Minimal VERIFIER.gguf DRAFTER.gguf "Why is the sky blue?"`
@main
struct Minimal {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 4 else {
            print("usage: Minimal VERIFIER.gguf DRAFTER.gguf QUESTION")
            return
        }
        let engine = try await Engine.load(verifier: arguments[1], drafter: .file(path: arguments[2]))
        let request = CompletionRequest(.chat([ChatMessage(role: .user, content: arguments[3])]), maximumTokens: 200)
        for try await delta in try await engine.stream(request) {
            print(delta.text, terminator: "")
            guard let statistics = delta.result?.statistics else { continue }
            print("\n\(statistics.completionTokens) tokens in \(statistics.rounds) rounds")
        }
    }
}
