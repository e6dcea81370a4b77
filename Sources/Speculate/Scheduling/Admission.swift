import SpeculateShared

/// Counts the completions that an engine has in flight or waiting, from the moment they are requested, so that a burst
/// is refused before any work is done for it. A named client gets no more places than are left free for others, so that
/// there is room for one more client, however many ask (the dynamic thresholds of shared buffers, Choudhury and Hahne
/// 1998).
final class Admission: Sendable {
    private struct State {
        var isClosed = false
        var taken = 0
        var byClient: [String?: Int] = [:]
    }

    private let what: String
    private let limit: Int
    private let share: Int
    private let state = Locked(State())

    /// - Parameters:
    ///   - what: is counted.
    ///   - limit: the most of them.
    ///   - share: the most of one client.
    init(of what: String = "completions", limit: Int, share: Int) {
        self.what = what
        self.limit = limit
        self.share = min(share, limit)
    }

    /// Takes places for requests that start together: for all of them or none.
    /// - Throws: `EngineError` if there are not enough left, or it is closed.
    func admit(_ requests: [CompletionRequest]) throws(EngineError) {
        let problem: EngineError? = state.withLock { state in
            guard !state.isClosed else { return .shuttingDown }
            var asked: [String?: Int] = [:]
            for request in requests { asked[request.client, default: 0] += 1 }
            for (client, count) in asked {
                guard count <= share else {
                    return EngineError(
                        .invalidRequest, "\(count) \(what) are asked for at once, expected at most \(share)")
                }
                let taken = state.byClient[client, default: 0]
                let most = client == nil ? share : min(share, limit - state.taken)
                guard taken + count <= most || client == nil && share == limit else {
                    return EngineError(
                        .clientOverloaded,
                        "\(taken) \(what) of this client are in progress or waiting and \(count) more asked for, expected at most \(most) together"
                    )
                }
            }
            guard state.taken + requests.count <= limit else {
                return EngineError(
                    .overloaded,
                    "\(state.taken) \(what) are in progress or waiting, expected at most \(limit)")
            }
            state.taken += requests.count
            for (client, count) in asked { state.byClient[client, default: 0] += count }
            return nil
        }
        if let problem { throw problem }
    }

    /// Places that are taken.
    var taken: Int { state.withLock(\.taken) }

    /// Nothing is admitted any more.
    func close() { state.withLock { $0.isClosed = true } }

    func release(_ client: String?) {
        state.withLock { state in
            state.taken -= 1
            let left = state.byClient[client, default: 0] - 1
            state.byClient[client] = left > 0 ? left : nil
        }
    }
}
