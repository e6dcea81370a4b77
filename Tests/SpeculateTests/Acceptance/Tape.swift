/// Enumerates all outcomes of a computation with random choices, each with its exact probability.
final class Tape {
    private var choices: [(weights: [Double], chosen: Int)] = []
    private var position = 0
    private(set) var probability = 1.0

    /// Runs `body` once per sequence of choices.
    func forEachRun(_ body: () throws -> Void) rethrows {
        repeat {
            position = 0
            probability = 1
            try body()
        } while next()
    }

    /// An index drawn with the given probabilities, which must sum to 1.
    func choose(_ weights: [Double]) -> Int {
        if position == choices.count { choices.append((weights, weights.firstIndex { $0 > 0 }!)) }
        precondition(choices[position].weights == weights, "the computation must depend on its choices alone")
        let chosen = choices[position].chosen
        probability *= weights[chosen]
        position += 1
        return chosen
    }

    private func next() -> Bool {
        while let last = choices.popLast() {
            if let following = last.weights.indices.first(where: { $0 > last.chosen && last.weights[$0] > 0 }) {
                choices.append((last.weights, following))
                return true
            }
        }
        return false
    }
}
