import Speculate
import TestSupport
import Testing

/// Drafters and acceptance rules that are written outside the package, through its public interface alone.
@Suite(.serialized) struct CustomDrafterTests {
    private typealias Script = @Sendable (_ committed: [Int32], _ maximum: Int, _ proposal: inout Proposal) -> Void

    /// Proposes what its script says, and counts what it is told.
    private final class Scripted: Drafter {
        private let script: Script
        private var committed: [Int32] = []
        private(set) var observed = 0

        init(_ script: @escaping Script) { self.script = script }

        func begin(_ prompt: [Int32]) { committed = prompt }
        func commit(_ tokens: ArraySlice<Int32>) { committed += tokens }
        func observe(_ pass: PassResult, row: Int) {
            observed += 1
            precondition(pass.hiddenStates[row].allSatisfy(\.isFinite))
            if let index = pass.logitRows.firstIndex(of: row), let logits = pass.logitBuffer(index) {
                precondition(logits.count == pass.vocabulary)
                precondition(pass.likeliest(index).map { logits[Int($0)] } == logits.max())
            }
        }
        func propose(maximum: Int, beside load: PassLoad, into proposal: inout Proposal) {
            precondition(maximum > 0 && proposal.tokens.isEmpty)
            script(committed, maximum, &proposal)
        }
    }

    private func engine(
        taps: [Int] = [], _ script: @escaping Script
    ) async throws(EngineError) -> Engine {
        let drafter = CustomDrafter(name: "scripted", taps: taps) { _ in Scripted(script) }
        return try await Engine.load(
            verifier: Fixtures.path("tiny-qwen3.gguf"), drafter: .custom(drafter),
            configuration: EngineConfiguration(threads: 1))
    }

    private let request = CompletionRequest(.tokens([5, 9, 2, 14]), maximumTokens: 40)

    @Test("what it drafts changes no text: always, chosen freely, as a chain or a tree, greedy and sampled")
    func text() async throws {
        let plain = try await engine { _, _, _ in }
        var request = request
        for temperature in [Float(0), 0.8] {
            request.sampling = SamplingOptions(temperature: temperature, seed: 3)
            request.speculation = Speculation.none
            let answer = try await plain.complete(request).tokens
            let knowing = try await engine { committed, _, proposal in
                guard committed.count >= 4, committed.count - 4 < answer.count else { return }
                proposal.append(answer[committed.count - 4])
            }
            let guessing = try await engine(taps: [0, 1]) { committed, maximum, proposal in
                guard maximum >= 3 else { return }
                proposal.append(committed[committed.count - 1], after: -1, probability: 0.5)
                proposal.append(7, after: -1, probability: 0.3)
                proposal.append(8, after: 1, probability: 0.1)
            }
            for (engine, isRight) in [(knowing, true), (guessing, false)] {
                for speculation in [Speculation.custom(depth: 3), .adaptive] {
                    request.speculation = speculation
                    let result = try await engine.complete(request)
                    #expect(result.tokens == answer, "\(speculation) at temperature \(temperature)")
                    if isRight, speculation != .adaptive {
                        #expect(result.statistics.rounds == (answer.count + 1) / 2)
                    }
                }
            }
        }
    }

    @Test("a draft that cannot be verified ends the completion with an error that says why")
    func unsound() async throws {
        let cases: [(String, @Sendable (inout Proposal) -> Void)] = [
            ("proposes token 99999", { $0.append(99999) }), ("proposes token -1", { $0.append(-1) }),
            ("expected at most 3", { for token in 0..<9 as Range<Int32> { $0.append(token) } }),
            (
                "follow token 3",
                { proposal in
                    proposal.append(1)
                    proposal.parents[0] = 3
                }
            ),
            (
                "parents of",
                { proposal in
                    proposal.append(1)
                    proposal.parents.removeAll()
                }
            ),
        ]
        for (reason, change) in cases {
            var request = request
            request.speculation = .custom(depth: 3)
            let engine = try await engine { _, _, proposal in change(&proposal) }
            let error = await refusal(engine, request)
            #expect(error?.code == .runtime && error?.message.contains(reason) == true, "\(error?.message ?? reason)")
        }
    }

    private func refusal(_ engine: Engine, _ request: CompletionRequest) async -> EngineError? {
        do throws(EngineError) {
            _ = try await engine.complete(request)
            return nil
        } catch {
            return error
        }
    }

    @Test("an engine without it, and taps that the model does not have, are refused by name")
    func refusals() async throws {
        let other = try await Engine.load(
            verifier: Fixtures.path("tiny-qwen3.gguf"), drafter: .lookup, configuration: .init(threads: 1))
        var request = request
        request.speculation = .custom(depth: 3)
        #expect(await refusal(other, request)?.message.contains("expected an engine with a custom drafter") == true)
        do throws(EngineError) {
            _ = try await engine(taps: [2]) { _, _, _ in }
            Issue.record("a third layer of two was tapped")
        } catch {
            #expect(error.message.contains("'scripted' taps layer 2, expected 0 to 1"))
        }
    }

    @Test("a probability that the drafted token cannot have had is refused, where it decides what is kept")
    func impossibleProbability() async throws {
        var request = request
        request.sampling = SamplingOptions(temperature: 0.9, seed: 4)
        request.speculation = .custom(depth: 3)
        for acceptance in [AcceptanceRule.rejection, .block] {
            request.acceptance = acceptance
            let engine = try await engine { _, _, proposal in proposal.append(5, .point(6)) }
            #expect(await refusal(engine, request)?.message.contains("token 5 had probability 0") == true)
        }
        request.acceptance = .match
        #expect(await refusal(try await engine { _, _, proposal in proposal.append(5, .point(6)) }, request) == nil)
    }

    /// Written on the engine's thread, and read when the completions are over.
    private final class Told: @unchecked Sendable {
        var contexts: [DraftContext] = []
    }

    @Test("it is told how its drafts are judged, and what is wrong with others")
    func context() async throws {
        let told = Told()
        let drafter = CustomDrafter(name: "tree") { context in
            told.contexts.append(context)
            return Scripted { _, _, proposal in proposal.append(5, after: -1, probability: 0.5) }
        }
        let engine = try await Engine.load(
            verifier: Fixtures.path("tiny-qwen3.gguf"), drafter: .custom(drafter),
            configuration: EngineConfiguration(threads: 1))
        var request = request
        request.sampling = SamplingOptions(temperature: 0.9, seed: 4)
        request.speculation = .custom(depth: 3)
        request.acceptance = .match
        #expect(await refusal(engine, request) == nil)
        request.acceptance = .block
        #expect(await refusal(engine, request)?.message.contains("names 0 distributions of 1 tokens") == true)
        #expect(told.contexts.map(\.needsDistributions) == [false, true])
        #expect(told.contexts.allSatisfy { $0.capacity == 44 && $0.sampling.seed == 4 })
    }

    /// Keeps nothing of any draft: exact, and as slow as plain decoding.
    private struct KeepNothing: Acceptance {
        func judge(
            _ draft: Proposal, _ distributions: inout some VerifierDistributions, accepted: inout [Int]
        ) throws(NonFiniteLogits) -> Int32 {
            accepted.removeAll()
            return try distributions.draw(at: 0)
        }
    }

    /// Says that it keeps tokens that were not drafted.
    private struct KeepTooMuch: Acceptance {
        func judge(
            _ draft: Proposal, _ distributions: inout some VerifierDistributions, accepted: inout [Int]
        ) throws(NonFiniteLogits) -> Int32 {
            accepted = [0, 5]
            return 1
        }
    }

    @Test("a rule of one's own judges drafts above temperature 0; what it says is checked")
    func acceptance() async throws {
        let engine = try await engine { _, _, proposal in proposal.append(7) }
        var request = request
        request.sampling = SamplingOptions(temperature: 0.9, seed: 4)
        request.speculation = Speculation.none
        let plain = try await engine.complete(request)
        request.speculation = .custom(depth: 3)
        request.customAcceptance = KeepNothing()
        let judged = try await engine.complete(request)
        #expect(judged.tokens == plain.tokens || judged.statistics.accepted == 0)
        #expect(judged.statistics.drafted > 0 && judged.statistics.accepted == 0)
        request.customAcceptance = KeepTooMuch()
        #expect(await refusal(engine, request)?.message.contains("the acceptance rule accepts [0, 5]") == true)
    }
}
