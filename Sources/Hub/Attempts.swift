import SpeculateShared

/// How often something is tried again, and after which pause.
struct Attempts {
    /// Of a request: so many without anything gained.
    static let inARow = 5
    /// Where not even a connection comes about.
    static let unreachable = 3
    /// Of a download that is cut again and again.
    static let inAll = 200
    /// The longest pause that a server may ask for.
    static let longestPause = Duration.seconds(120)

    private var failuresInARow = 0
    private var failures = 0

    /// The pause before the next attempt: what the server asked for, else twice the one before.
    /// - Parameter hasGained: whether the attempt brought anything that the next one can build on.
    /// - Throws: `ModelFileError` if there should be none.
    mutating func pause(after failure: TransientFailure, hasGained: Bool, _ what: String) throws(ModelFileError)
        -> Duration
    {
        failures += 1
        failuresInARow = hasGained ? 1 : failuresInARow + 1
        let most = failure.isUnreachable ? Self.unreachable : Self.inARow
        guard failuresInARow < most, failures < Self.inAll else {
            let reason = failure.isUnreachable ? "cannot be reached: \(failure.reason)" : failure.reason
            throw ModelFileError(.runtime, "\(what): \(reason), \(failuresInARow) times in a row")
        }
        if let pause = failure.pause {
            guard pause <= Self.longestPause else {
                throw ModelFileError(
                    .runtime,
                    "\(what): \(failure.reason); asks to wait \(pause.components.seconds) seconds, try again then")
            }
            return pause
        }
        return .milliseconds(500 << (failuresInARow - 1))
    }
}
