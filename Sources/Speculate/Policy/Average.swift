/// A running mean that forgets: the newest value counts `rate`, and more while there are few.
struct Average {
    private(set) var value: Double
    private let rate: Double
    private var weight: Double

    /// - Parameter weight: how many values the first guess stands for.
    init(_ guess: Double, weight: Double, rate: Double) {
        value = guess
        self.weight = weight
        self.rate = rate
    }

    mutating func add(_ new: Double) { move(by: new - value) }

    /// As `add`, for a value that differs by so much.
    mutating func move(by difference: Double) {
        weight += 1
        value += max(rate, 1 / weight) * difference
    }
}
