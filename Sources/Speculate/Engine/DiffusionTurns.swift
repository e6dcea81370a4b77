/// Texts that are written by diffusion, one at a time: each has a turn of a pass or of a part of its prompt, and after
/// as much time for completions as it took it is the next one's.
struct DiffusionTurns {
    /// Texts that are being written.
    var texts = 0
    /// When completions have had what a turn took.
    private(set) var end = ContinuousClock.now
    private var isTaken = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// Takes a turn if it is nobody's.
    mutating func take() -> Bool {
        defer { isTaken = true }
        return !isTaken
    }

    /// Resumes who waits when its turn comes: first come, first served.
    mutating func wait(_ next: CheckedContinuation<Void, Never>) { waiting.append(next) }

    /// Gives a turn that began at `start` to who comes next.
    mutating func finish(_ start: ContinuousClock.Instant) {
        let now = ContinuousClock.now
        end = now + (now - start)
        if waiting.isEmpty { isTaken = false } else { waiting.removeFirst().resume() }
    }
}
