/// How much work each client has had: the one that had the least is served next. A returning client starts level with
/// the others, so that nobody accumulates credit (Sheng et al., "Fairness in serving large language models", 2024).
struct FairShare {
    /// The cost of a decoded token, which takes a row of the head and a round's overhead, and of a prefilled one, which
    /// does not.
    static let decoded = 2.0
    static let prefilled = 1.0
    /// The cost of a token copied from the prefix cache.
    static let adopted = 0.05

    private var served: [String?: Double] = [:]

    /// A client enters; `present` are those with completions in flight or waiting.
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
