/// Tokens to learn from: those from some place on, or what the verifier writes after them.
struct Passage {
    let tokens: [Int32]
    /// The first token after which the verifier's distribution is learnt.
    let first: Int
    /// Tokens that the verifier writes after them, at most.
    var continuation = 0
    /// What it writes them with.
    var temperature: Float = 0

    /// Places that may be learnt from, at most.
    var places: Int { tokens.count - first + continuation }
}
