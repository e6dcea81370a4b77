import SpeculateDrafter
import SpeculateShared
import TestSupport

/// Distributions over a vocabulary of three tokens, different after every prefix, and drafters of every kind for them.
final class TinyLanguage {
    static let size = 3

    /// How drafts are made, and which distributions they claim to be drawn from.
    enum Drafter {
        /// All tokens at once, each from its own distribution.
        case factorised
        /// Each token given the one before.
        case markov
        /// One pass draws the second token, which the next pass keeps; the others are drawn given it.
        case twoPass
        /// Point masses, sometimes no draft.
        case ngram
        /// Wrong: two passes, but the kept token claims the distribution that it was drawn from.
        case marginal
        /// Wrong: Markov, but a draft ends before a token 0.
        case anticipating
        /// Markov, ending early after a token 0.
        case adaptive
        /// Two children of the last committed token, and two of one of these.
        case tree
        /// What text says may follow: the likeliest chain of it.
        case text
        /// And a tree of it.
        case textTree
        /// A diffusion process's own steps between so many passes.
        case process(DiffusionKind, passes: Int)

        static let exact: [Drafter] = [.factorised, .markov, .twoPass, .ngram, .adaptive, .text]
    }

    private let options: SamplingOptions
    private let sampler: Sampler
    private var known: [[Int32]: [Double]] = [:]
    private var distributions: [UnsafeMutablePointer<Float>] = []
    private let memory = TextMemory(vocabulary: TinyLanguage.size, limit: 1 << 16)
    private let common = TextMemory(vocabulary: TinyLanguage.size, limit: 1 << 16)

    init(_ options: SamplingOptions) throws {
        self.options = options
        sampler = Sampler(vocabularySize: Self.size, kernels: try Kernels().table)
        memory.remember([0, 1, 2, 0, 1, 1, 2][...])
        memory.followers.record([1, 2], after: FollowerTable.key(1))
        common.remember([2, 2, 1, 0, 0, 2][...])
        common.followers.record([0, 1], after: FollowerTable.key(2))
        common.pairFollowers.record([2, 0], after: FollowerTable.key(1, 0))
    }

    /// Drafts from the text itself, and from texts and followers that are remembered.
    private func text(_ prefix: [Int32], depth: Int, isTree: Bool) -> Proposal {
        var draft = Proposal()
        let drafter = TextDrafter(odds: FollowerOdds(), memory: memory, common: common)
        drafter.begin([1, 0] + prefix)
        drafter.grow(maximum: depth, isTree: isTree, into: &draft) { _ in 0 }
        return draft
    }

    deinit { for distribution in distributions { distribution.deallocate() } }

    private func random(_ name: Int, _ tokens: some Sequence<Int32>) -> SplitMix {
        SplitMix(tokens.reduce(UInt64(name)) { ($0 &* 31 &+ UInt64($1) &+ 7) &* 0x9e37_79b9_7f4a_7c15 })
    }

    /// p(·|prefix), after all transforms.
    func distribution(_ prefix: [Int32]) throws -> [Double] {
        if let distribution = known[prefix] { return distribution }
        var random = random(1, prefix)
        var history = TokenHistory()
        for token in prefix { history.append(token) }
        let weights = try sampler.probabilities(random.floats(Self.size, in: -2...2), options, history: history)
        let total = weights.reduce(0, +)
        known[prefix] = weights.map { $0 / total }
        return known[prefix]!
    }

    /// A distribution of the drafter's, in multiples of 1/64, which 32-bit floats represent exactly.
    func draftDistribution(_ name: Int, _ tokens: some Sequence<Int32>) -> [Double] {
        var random = random(name, tokens)
        let first = 1 + Int(random.next() % 40)
        let second = Int(random.next() % UInt64(63 - first))
        return [Double(first) / 64, Double(second) / 64, Double(64 - first - second) / 64]
    }

    private func claim(_ distribution: [Double]) -> Proposal.Distribution {
        claim(distribution.map { Float($0) }, total: 1)
    }

    func claim(_ weights: [Float], total: Double) -> Proposal.Distribution {
        let values = UnsafeMutablePointer<Float>.allocate(capacity: Self.size)
        values.initialize(from: weights, count: Self.size)
        distributions.append(values)
        return .weights(values, total: total, tokens: [0, 1, 2])
    }

    /// - Parameters:
    ///   - chance: draws an index for anything else.
    ///   - draw: draws a token from a distribution, for an index of the draft.
    func draft(
        _ drafter: Drafter, _ prefix: [Int32], depth: Int, chance: @escaping ([Double]) -> Int,
        draw: (_ distribution: [Double], _ index: Int) -> Int32
    ) -> Proposal {
        var draft = Proposal()
        func add(_ distribution: [Double]) {
            draft.append(draw(distribution, draft.tokens.count), claim(distribution))
        }
        switch drafter {
        case .factorised:
            for index in 0..<depth { add(draftDistribution(2 + index, prefix)) }
        case .markov:
            for index in 0..<depth { add(draftDistribution(2 + index, prefix + draft.tokens.suffix(1))) }
        case .adaptive:
            while draft.tokens.count < depth, draft.tokens.last != 0 {
                add(draftDistribution(2 + draft.tokens.count, prefix + draft.tokens.suffix(1)))
            }
        case .anticipating:
            for index in 0..<depth { add(draftDistribution(2 + index, prefix + draft.tokens.suffix(1))) }
            if let cut = draft.tokens.firstIndex(of: 0) {
                draft.cut(to: cut)
            }
        case .twoPass, .marginal:
            let isPoint = if case .twoPass = drafter { true } else { false }
            let marginal = draftDistribution(20, prefix)
            let carried = draw(marginal, 1)
            for index in 0..<depth {
                guard index == 1 else {
                    add(draftDistribution(30 + index, prefix + [carried]))
                    continue
                }
                draft.append(carried, isPoint ? .point(carried) : claim(marginal))
            }
        case .tree:
            guard depth >= 2 else { break }
            let first = draw(draftDistribution(50, prefix), 0)
            draft.append(first, after: -1, probability: 0.5)
            draft.append((first + 1) % 3, after: -1, probability: 0.3)
            draft.append(0, after: 1, probability: 0.1)
            draft.append(2, after: 1, probability: 0.1)
            if depth >= 3 { draft.append(1, after: 3, probability: 0.05) }
        case .process(let kind, let passes):
            return diffuse(kind, passes: passes, prefix, depth: depth, chance: chance, draw: draw)
        case .text: return text(prefix, depth: depth, isTree: false)
        case .textTree: return text(prefix, depth: depth, isTree: true)
        case .ngram:
            var random = random(40, prefix.suffix(2))
            for _ in 0..<min(depth, Int(random.next() % 4)) { draft.append(Int32(random.next() % 3)) }
        }
        return draft
    }
}
