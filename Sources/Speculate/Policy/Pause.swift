/// How long something that does not pay is left alone before it is tried again: ever longer.
struct Pause {
    private static let shortest = 8
    private static let longest = 128

    private var left: Int
    private var length = shortest

    init(left: Int = shortest) { self.left = left }

    var isDue: Bool { left <= 0 }

    /// Another chance goes by; returns whether a trial is due.
    mutating func passes() -> Bool {
        left -= 1
        return isDue
    }

    /// It was tried.
    mutating func restart(longer: Bool) {
        length = longer ? min(2 * length, Self.longest) : Self.shortest
        left = length
    }
}
