import Foundation
import Speculate
import SpeculateAdaptation
import SpeculateDrafter
import SpeculateShared
import TestSupport
import Testing

/// Tiny drafters with random weights that learn what their verifiers write.
@Suite struct AdaptationTests {
    private static let text = try! String(decoding: Fixtures.bytes("prose.txt").prefix(6_000), as: UTF8.self)

    private func settings(_ change: (inout AdaptationSettings) -> Void = { _ in }) -> AdaptationSettings {
        var settings = AdaptationSettings()
        settings.limit = .seconds(3600)
        settings.steps = 60
        settings.rate = 1e-2
        settings.configuration.threads = 2
        change(&settings)
        return settings
    }

    private func target(of drafter: String) throws -> String {
        drafter == "tiny-drafter" ? "tiny-qwen3" : try Fixtures.target(of: drafter)
    }

    @Test(
        "a drafter learns to draft better where nothing was learnt from; what is not trained stays as it was",
        arguments: [
            "tiny-drafter", "tiny-qwen3-dflash", "tiny-qwen3-dflash2", "tiny-qwen2-dspark", "tiny-dspark-selector",
        ])
    func learning(_ name: String) throws {
        try Fixtures.withTemporaryFolder { folder in
            let output = folder + "/mine.drafter.gguf"
            let verifier = Fixtures.path(try target(of: name) + ".gguf")
            let adaptation = try Adaptation(
                verifier: verifier, drafter: Fixtures.path(name + ".gguf"), [.text(Self.text)], settings())
            var starts: Set<Double> = []
            let result = try adaptation.run(to: output, isStopped: { false }) { event in
                if case .training(_, _, let start, _, _) = event { starts.insert(start) }
            }
            print("\(name): \(result.before) tokens per round, adapted \(result.after), \(result.places) places")
            #expect(result.isWritten && result.after > result.before, "\(result)")
            #expect(result.steps == 60 && !result.wasStopped)
            // The part that is trained starts as the engine's own, but for the last bits of floats.
            #expect(starts.count == 1 && abs(starts.first! - result.before) < 0.01, "\(starts), \(result.before)")

            let (old, new) = (try Checkpoint(path: Fixtures.path(name + ".gguf")), try Checkpoint(path: output))
            #expect(new.metadata.keys.filter { $0 != "speculate.adapted" } == old.metadata.keys)
            #expect(old.metadata.keys.allSatisfy { old.metadata[$0] == new.metadata[$0] })
            #expect(new.tensors.map(\.name) == old.tensors.map(\.name))
            var changed: Set<String> = []
            for tensor in old.tensors {
                let other = try #require(new.tensor(tensor.name))
                #expect(other.shape == tensor.shape && other.type == tensor.type)
                if try old.bytes(of: tensor) != new.bytes(of: other) { changed.insert(tensor.name) }
            }
            let mayChange: Set<String> = [
                "output_norm.weight", "output.weight", "markov_w1.weight", "markov_w2.weight", "blk.1.ffn_norm.weight",
                "blk.1.ffn_gate.weight", "blk.1.ffn_up.weight", "blk.1.ffn_down.weight",
                "d2t", "speculate.draft_embd.weight", "selector_predecessor.weight", "selector_successor.weight",
                "selector_hidden.weight",
            ]
            #expect(
                changed
                    == mayChange.intersection(old.tensors.map(\.name)).filter { tensor in
                        // With convolutions around it, the feed-forward network is not trained; with a selector, the
                        // same tokens can be drafted.
                        (name != "tiny-qwen3-dflash2" || !tensor.hasPrefix("blk."))
                            && (name != "tiny-dspark-selector" || tensor != "d2t")
                    })
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["mine.drafter.gguf"])
        }
    }

    @Test("a drafter that is no better is never written: with steps far too long, or stopped before the first")
    func worse() throws {
        try Fixtures.withTemporaryFolder { folder in
            let output = folder + "/mine.gguf"
            try Data("old".utf8).write(to: URL(filePath: output))
            // One with random weights has nothing to lose.
            let good = folder + "/good.gguf"
            let name = "tiny-qwen2-dspark"
            let verifier = Fixtures.path(try target(of: name) + ".gguf")
            let adaptation = try Adaptation(
                verifier: verifier, drafter: Fixtures.path(name + ".gguf"), [.text(Self.text)], settings())
            #expect(try adaptation.run(to: good, isStopped: { false }, report: { _ in }).isWritten)
            for (rate, isStopped) in [(Float(1e6), false), (Float(3e-3), true)] {
                let again = try Adaptation(
                    verifier: verifier, drafter: good, [.text(Self.text)], settings { $0.rate = rate })
                let result = try again.run(to: output, isStopped: { isStopped }, report: { _ in })
                #expect(
                    !result.isWritten && result.wasStopped == isStopped && result.before == result.after, "\(result)")
                #expect(try String(contentsOf: URL(filePath: output), encoding: .utf8) == "old")
                #expect(
                    try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["good.gguf", "mine.gguf"])
            }
        }
    }

    @Test("answers are learnt from, and only they; what cannot be learnt from is refused by name")
    func refusals() throws {
        let (verifier, drafter) = (Fixtures.path("tiny-qwen3.gguf"), Fixtures.path("tiny-drafter.gguf"))
        let answers = (0..<12).map { number in
            AdaptationText.answered(.text("Question \(number)?"), .text("Answer number \(number), and so on."))
        }
        try Fixtures.withTemporaryFolder { folder in
            let result = try Adaptation(verifier: verifier, drafter: drafter, answers, settings()).run(
                to: folder + "/a.gguf", isStopped: { false }, report: { _ in })
            #expect(
                result.places == (0..<12).filter { $0 != 9 }.reduce(0) { $0 + "Answer number \($1), and so on.".count })
        }
        func refusal(_ verifier: String, _ drafter: String, _ texts: [AdaptationText]) -> EngineError? {
            do throws(EngineError) {
                _ = try Adaptation(verifier: verifier, drafter: drafter, texts, settings())
                return nil
            } catch { return error }
        }
        let good = [AdaptationText.text(Self.text)]
        for (error, code, words) in [
            (refusal(verifier, drafter, [.text("")]), EngineError.Code.invalidRequest, "0 tokens of text"),
            (refusal(verifier, drafter, [.text("Too short.")]), .invalidRequest, "10 tokens of text to learn from"),
            (refusal(verifier, drafter, Array(answers.prefix(9))), .invalidRequest, "9 answers to learn from"),
            (refusal(verifier, drafter, [.answered(.tokens([300]), .text("x"))]), .invalidRequest, "token 300"),
            (refusal(verifier, "/nowhere.gguf", good), .fileMissing, "/nowhere.gguf"),
            (refusal("/nowhere.gguf", drafter, good), .fileMissing, "/nowhere.gguf"),
            (refusal(verifier, verifier, good), .invalidCheckpoint, "no block diffusion drafter"),
            (
                refusal(Fixtures.path("tiny-qwen3-target.gguf"), Fixtures.path("tiny-qwen3-eagle3.gguf"), good),
                .invalidCheckpoint, "no block diffusion drafter"
            ),
            (refusal(Fixtures.path("tiny-llama3.gguf"), drafter, good), .invalidCheckpoint, "tiny-drafter.gguf"),
        ] {
            #expect(
                error?.code == code && error?.message.contains(words) == true, "\(words): \(String(describing: error))")
        }
    }
}
