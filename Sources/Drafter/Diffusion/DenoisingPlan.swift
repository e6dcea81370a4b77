import SpeculateShared

/// How a block's open tokens are filled in.
package struct DenoisingPlan: Sendable {
    /// How many tokens an absorbing process has revealed after each pass but the last; others only count the passes.
    package var schedule: [Int] = []
    package var order = RevealOrder.leftToRight
    package var sampling = DraftSampling.greedy
    /// How tokens are chosen in passes but the last. Greedily: from the left, and steps take them to be certain. At
    /// random: by absorbing processes; others' steps go by all tokens' probabilities, each by itself.
    package var early = DraftSampling.greedy
    /// For a random order, and for what moves states.
    package var seed: UInt64 = 0
    /// How states move; nil as a process does without being told (`DenoisingStep.sampler`).
    package var sampler: DiffusionSampler?
    /// Whether revealed tokens may be masked again in favour of surer ones.
    package var masksAgain = false

    package var passes: Int { schedule.count + 1 }

    package init() {}
}
