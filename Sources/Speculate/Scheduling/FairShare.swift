/// How much of the engine's work each client has had: who had the least comes next. A client that comes back after a while
/// begins with the others, so that nobody saves up (Sheng et al., "Fairness in serving large language models", 2024).
struct FairShare {
    /// A token that is written takes a row of the head and a round's overhead; one that is read does not.
    static let written = 2.0
    static let read = 1.0
    /// One that is taken over is copied.
    static let takenOver = 0.05

    private var served: [String?: Double] = [:]

    /// A client asks; `present` are those that have something in progress or waiting.
    mutating func enter(_ client: String?, present: some Sequence<String?>) {
        let others = Set(present)
        if others.contains(client) { return }
        served = served.filter { others.contains($0.key) || $0.key == client }
        let least = others.compactMap { served[$0] }.min() ?? 0
        served[client] = max(served[client] ?? 0, least)
    }

    mutating func add(_ work: Double, to client: String?) { served[client, default: 0] += work }

    func work(of client: String?) -> Double { served[client] ?? 0 }
}
