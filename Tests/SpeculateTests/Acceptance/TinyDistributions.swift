import Foundation
import SpeculateDrafter
import SpeculateShared

@testable import Speculate

/// Distributions along a draft in `TinyLanguage`, with every random number a choice on the tape.
struct TinyDistributions: VerifierDistributions {
    let language: TinyLanguage
    let tape: Tape
    let prefix: [Int32]
    let draft: Proposal
    /// The Gumbel noise [token] at a position, if the verifier draws with it.
    let noise: ((Int) -> [Double])?

    private func path(_ index: Int) -> [Int32] {
        var path: [Int32] = []
        var above = index - 1
        while above >= 0 {
            path.insert(draft.tokens[above], at: 0)
            above = draft.parents[above]
        }
        return prefix + path
    }

    private func distribution(_ index: Int) -> [Double] { try! language.distribution(path(index)) }

    private func left(_ weight: Double, _ distribution: Proposal.Distribution, _ index: Int) -> [Double] {
        self.distribution(index).enumerated().map { max(0, weight * $1 - distribution.probability(of: Int32($0))) }
    }

    func draw(at index: Int) -> Int32 {
        let distribution = distribution(index)
        guard let noise else { return Int32(tape.choose(distribution)) }
        return Self.coupled(distribution, noise(path(index).count))
    }

    /// argmax(log distribution + noise)
    static func coupled(_ distribution: [Double], _ noise: [Double]) -> Int32 {
        Int32(distribution.indices.max { log(distribution[$0]) + noise[$0] < log(distribution[$1]) + noise[$1] }!)
    }

    func probability(of token: Int32, at index: Int) -> Double { distribution(index)[Int(token)] }

    func excess(of weight: Double, over distribution: Proposal.Distribution, at index: Int) -> Double {
        left(weight, distribution, index).reduce(0, +)
    }

    func drawExcess(of weight: Double, over distribution: Proposal.Distribution, at index: Int) -> Int32 {
        let left = left(weight, distribution, index)
        let total = left.reduce(0, +)
        return Int32(tape.choose(left.map { $0 / total }))
    }

    func happens(_ probability: Double, at index: Int) -> Bool {
        probability >= 1 || tape.choose([1 - probability, probability]) == 1
    }
}
