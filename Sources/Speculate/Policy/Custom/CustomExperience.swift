/// What a drafter written elsewhere has brought so far, in all completions of an engine: tokens accepted and drafted per
/// round, seconds per draft.
final class CustomExperience {
    var accepted = Average(1, weight: 4, rate: 0.02)
    var drafted = Average(3, weight: 4, rate: 0.02)
    var seconds = Average(0, weight: 1, rate: 0.05)
}
