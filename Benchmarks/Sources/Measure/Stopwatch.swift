/// Times of repeated runs.
enum Stopwatch {
    /// The median of `repeats` timed runs of `body`, after one that is not counted. In seconds.
    static func median(of repeats: Int, _ body: () throws -> Void) rethrows -> Double {
        try body()
        var times: [Double] = []
        for _ in 0..<max(repeats, 1) {
            let start = ContinuousClock.now
            try body()
            times.append((ContinuousClock.now - start) / .seconds(1))
        }
        return times.sorted()[times.count / 2]
    }
}
