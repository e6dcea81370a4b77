import Foundation
import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier
import TestSupport

/// A text of a tiny verifier, and what a tiny drafter of a published kind drafts after each token of the answer.
struct PublishedDraft: Decodable {
    /// Keys and values are 16-bit floats: a lead greater than this decides.
    static let clearLead: Float = 0.05

    /// The verifier's file, without its ending.
    var verifier: String
    var tokens: [Int32]
    /// Tokens of the text that are its prompt.
    var prompt: Int
    /// [answer, drafted]
    var drafts: [[Int32]]
    /// [answer, drafted] How far a token's logit is before the next one.
    var leads: [[Float]]
    /// What llama.cpp drafted after some of the text's tokens.
    var peer: [PeerRound]?

    struct PeerRound: Decodable {
        /// The index of the token before the draft.
        var anchor: Int
        var draft: [Int32]
    }

    init(_ name: String) throws {
        self = try JSONDecoder().decode(Self.self, from: Data(Fixtures.bytes("\(name).json")))
    }

    /// The draft after the token at `anchor`.
    func draft(_ anchor: Int) -> [Int32] { drafts[anchor - prompt] }

    /// A verifier with the drafter's taps, and the hidden states of its pass over the text, [tokens, taps · hidden].
    func verifier(taps: [Int], threads: Int = 2, kernels: Kernels? = nil) throws -> (Verifier, states: [Float]) {
        let verifier = try Verifier(
            Checkpoint(path: Fixtures.path("\(self.verifier).gguf")), taps: taps, kernels: kernels ?? Kernels(),
            pool: WorkerPool(count: threads))
        let batch = RowBatch(capacity: tokens.count)
        let cache = try verifier.makeCache()
        batch.append(tokens, to: cache, logits: .none)
        let pass = verifier.forward(batch)
        return (verifier, tokens.indices.flatMap { pass.hiddenStates[$0] })
    }

    /// How many tokens of drafts are as they should be, of those that rounding does not decide.
    /// - Parameters:
    ///   - isChain: whether a token depends on those drafted before it: then what follows an unclear one says nothing.
    ///   - draft: drafts after the token at an index.
    func compare(
        isChain: Bool, with others: [PeerRound]? = nil, _ draft: (_ anchor: Int) -> [Int32]
    ) -> (equal: Int, clear: Int, all: Int) {
        var (equal, clear, all) = (0, 0, 0)
        let expected = others ?? drafts.indices.map { PeerRound(anchor: prompt + $0, draft: drafts[$0]) }
        for round in expected {
            let drafted = draft(round.anchor)
            all += round.draft.count
            for (index, lead) in leads[round.anchor - prompt].prefix(round.draft.count).enumerated() {
                guard lead > Self.clearLead else {
                    if isChain { break } else { continue }
                }
                clear += 1
                equal += index < drafted.count && drafted[index] == round.draft[index] ? 1 : 0
            }
        }
        return (equal, clear, all)
    }
}
