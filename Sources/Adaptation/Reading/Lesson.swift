import SpeculateShared

/// A passage once the verifier has read it: its distributions, and what enters the trained part of the drafter at each
/// place where a block may begin.
final class Lesson {
    let tokens: [Int32]
    /// Where blocks begin: positions of anchor tokens, ascending.
    let anchors: [Int]
    /// Tokens of a block.
    let drafts: Int
    private let hidden: Int
    /// The first token after which there is a distribution.
    let first: Int
    private let distributions: TargetDistributions
    /// [anchors, drafts, hidden] In 16 bits: there are many.
    private let trunk: [Float16]
    /// The drafter's keys and values of all tokens; nil where nobody drafts again.
    let cache: KVCache?

    init(
        tokens: [Int32], anchors: [Int], drafts: Int, hidden: Int, first: Int, _ distributions: TargetDistributions,
        trunk: [Float16], cache: KVCache?
    ) {
        self.tokens = tokens
        self.anchors = anchors
        self.drafts = drafts
        self.hidden = hidden
        self.first = first
        self.distributions = distributions
        self.trunk = trunk
        self.cache = cache
    }

    /// Appends those of a block's slots whose distribution is known.
    /// - Parameter isWanted: asked for each, from the first.
    func append(anchor place: Int, to batch: inout HeadBatch, where isWanted: (_ draft: Int) -> Bool = { _ in true }) {
        for draft in 0..<drafts {
            let row = anchors[place] + draft - first
            guard row < distributions.count else { break }
            guard isWanted(draft) else { continue }
            let start = (place * drafts + draft) * hidden
            batch.append(
                trunk[start..<start + hidden].lazy.map { Float($0) }, after: tokens[anchors[place] + draft],
                distributions[row], weight: 1)
        }
    }
}
