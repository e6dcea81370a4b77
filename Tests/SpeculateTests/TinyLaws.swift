import Foundation
import SpeculateDrafter
import SpeculateShared

@testable import Speculate

/// Laws along a draft in `TinyLanguage`, with every random number a choice on the tape.
struct TinyLaws: VerifierLaws {
    let language: TinyLanguage
    let tape: Tape
    let prefix: [Int32]
    let draft: Proposal
    /// The Gumbel noise at a position [token], where the verifier draws with it.
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

    private func law(_ index: Int) -> [Double] { try! language.law(path(index)) }

    private func left(_ weight: Double, _ law: Proposal.Law, _ index: Int) -> [Double] {
        self.law(index).enumerated().map { max(0, weight * $1 - law.probability(of: Int32($0))) }
    }

    func draw(at index: Int) -> Int32 {
        let law = law(index)
        guard let noise else { return Int32(tape.choose(law)) }
        return Self.coupled(law, noise(path(index).count))
    }

    /// argmax(log law + noise)
    static func coupled(_ law: [Double], _ noise: [Double]) -> Int32 {
        Int32(law.indices.max { log(law[$0]) + noise[$0] < log(law[$1]) + noise[$1] }!)
    }

    func probability(of token: Int32, at index: Int) -> Double { law(index)[Int(token)] }

    func excess(of weight: Double, over law: Proposal.Law, at index: Int) -> Double {
        left(weight, law, index).reduce(0, +)
    }

    func drawExcess(of weight: Double, over law: Proposal.Law, at index: Int) -> Int32 {
        let left = left(weight, law, index)
        let total = left.reduce(0, +)
        return Int32(tape.choose(left.map { $0 / total }))
    }

    func happens(_ probability: Double, at index: Int) -> Bool {
        probability >= 1 || tape.choose([1 - probability, probability]) == 1
    }
}
