import Speculate
import SpeculateShared

/// How a drafter is adapted.
package struct AdaptationSettings: Sendable {
    /// The most time that all takes, from when the models are loaded.
    package var limit: Duration = .seconds(600)
    /// The greatest step of a weight.
    package var rate: Float = 3e-4
    /// The most steps; nil as long as it helps and time remains.
    package var steps: Int?
    package var seed: UInt64 = 0
    /// Of the verifier: threads, context, chat format and so on.
    package var configuration = EngineConfiguration()

    package init() {}
}
