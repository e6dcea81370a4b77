/// How long something that does not pay is left alone before it is tried again: ever longer.
struct Pause {
    private static let shortest = 8

    /// Trials in a row: one alone says little of what is right now and then.
    private let burst: Int
    private let longest: Int
    private var left: Int
    private var length = shortest
    private var failures = 0

    init(left: Int = shortest, burst: Int = 1, longest: Int = 64) {
        self.left = left
        self.burst = burst
        self.longest = longest
    }

    var isDue: Bool { left <= 0 }

    /// Another chance goes by; returns whether a trial is due.
    @discardableResult
    mutating func countDown() -> Bool {
        left -= 1
        return isDue
    }

    /// It was tried; whether it promises to pay now.
    mutating func tried(pays: Bool) {
        failures = pays ? 0 : failures + 1
        if pays {
            length = Self.shortest
            left = length
        } else if failures >= burst {
            length = min(2 * length, longest)
            (left, failures) = (length, 0)
        }
    }
}
