import Speculate
import SpeculateShared

/// Counts what a learner does, or does something of its own.
final class WatchedLearner: IdleLearner {
    struct Counts {
        var texts = 0, steps = 0, models = 0
        /// Whether the last step found nothing to do.
        var isDone = false
    }

    private let inner: (any IdleLearner)?
    private let counts: Locked<Counts>
    private let step: () throws -> IdleProgress

    init(
        _ inner: (any IdleLearner)?, _ counts: Locked<Counts>, step: @escaping () throws -> IdleProgress = { .nothing }
    ) {
        self.inner = inner
        self.counts = counts
        self.step = step
    }

    func remember(_ tokens: [Int32], answer first: Int) {
        counts.withLock {
            $0.texts += 1
            $0.isDone = false
        }
        inner?.remember(tokens, answer: first)
    }

    func work() throws -> IdleProgress {
        counts.withLock { $0.steps += 1 }
        let progress = try inner?.work() ?? step()
        counts.withLock { counts in
            switch progress {
            case .nothing: counts.isDone = true
            case .more: break
            case .better: counts.models += 1
            }
        }
        return progress
    }

    func finish() throws(EngineError) -> String? { try inner?.finish() }
}
