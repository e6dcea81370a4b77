/// What drafts of an EAGLE model have brought so far, in all completions of an engine: how often a token was right at each
/// depth, of those whose predecessors were, and seconds per drafted token.
final class EagleExperience {
    var right: [Average]
    var seconds = Average(0, weight: 1, rate: 0.05)

    init(drafts: Int) { right = (0..<drafts).map { _ in Average(0.6, weight: 8, rate: 0.02) } }
}
