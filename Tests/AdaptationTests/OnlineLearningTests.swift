import Foundation
import Speculate
import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier
import TestSupport
import Testing

@testable import SpeculateAdaptation

/// Drafters that learn between requests.
@Suite(.serialized) struct OnlineLearningTests {
    private typealias Counts = WatchedLearner.Counts

    private func engine(
        _ verifier: String, _ drafter: DrafterSource, _ counts: Locked<Counts> = Locked(Counts()), output: String? = nil
    ) async throws -> Engine {
        var configuration = EngineConfiguration(threads: 2)
        configuration.learner = { verifier, model, drafter, path in
            WatchedLearner(
                try OnlineLearner(verifier, model, drafter: drafter, verifier: path, output: output), counts)
        }
        return try await Engine.load(verifier: verifier, drafter: drafter, configuration: configuration)
    }

    private func request(_ text: String, depth: Int?, tokens: Int = 48) -> CompletionRequest {
        var request = CompletionRequest(.text(text), maximumTokens: tokens, sampling: SamplingOptions(temperature: 0))
        request.speculation = depth.map { .diffusion(depth: $0, passes: 1) } ?? Speculation.none
        return request
    }

    /// Waits until the engine has learnt so many texts.
    private func rest(_ counts: Locked<Counts>, texts: Int) async throws {
        let start = ContinuousClock.now
        while !counts.withLock({ $0.isDone && $0.texts == texts }) {
            try await Task.sleep(for: .milliseconds(5))
            if ContinuousClock.now - start > .seconds(300) { throw CancellationError() }
        }
    }

    private func changed(_ path: String, _ other: String) throws -> Set<String> {
        let (old, new) = (try Checkpoint(path: path), try Checkpoint(path: other))
        #expect(new.tensors.map(\.name) == old.tensors.map(\.name))
        return Set(
            try old.tensors.filter { try old.bytes(of: $0) != new.bytes(of: new.tensor($0.name)!) }.map(\.name))
    }

    @Test("an engine that learns drafts with that; texts stay plain decoding's, also of requests that interrupt it")
    func texts() async throws {
        try await Fixtures.withTemporaryFolder { folder in
            let (counts, output) = (Locked(Counts()), folder + "/learnt.gguf")
            let verifier = try Fixtures.modelPath()
            let engine = try await engine(verifier, .file(path: Fixtures.drafterPath), counts, output: output)
            let prompts = ["bread", "rope", "tea", "bricks", "cheese", "soap"].map { "How to make \($0) at home:\n1." }
            var plain: [[Int32]] = []
            for prompt in prompts {
                plain.append(try await engine.complete(request(prompt, depth: nil)).tokens)
                #expect(counts.withLock(\.texts) == 0)
            }
            for (index, (prompt, plain)) in zip(prompts, plain).enumerated() {
                #expect(try await engine.complete(request(prompt, depth: 7)).tokens == plain)
                try await rest(counts, texts: index + 1)
            }
            // The same texts again are easier, whatever a text is like.
            var interrupted = 0
            for _ in 0..<2 {
                for (prompt, plain) in zip(prompts, plain) {
                    interrupted += counts.withLock { $0.isDone ? 0 : 1 }
                    #expect(try await engine.complete(request(prompt, depth: 7)).tokens == plain)
                }
            }
            try await rest(counts, texts: 3 * prompts.count)
            #expect(interrupted > 6 && counts.withLock(\.models) > 0)
            #expect(try await engine.complete(request(prompts[0], depth: 7)).tokens == plain[0])
            #expect(try await engine.finishLearning() == "the drafter with what was learnt is \(output)")
            #expect(try await engine.finishLearning() == nil)
            #expect(try changed(Fixtures.drafterPath, output) == ["markov_w1.weight", "markov_w2.weight"])
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["learnt.gguf"])
            let other = try await Engine.load(
                verifier: verifier, drafter: .file(path: output), configuration: EngineConfiguration(threads: 2))
            #expect(try await other.complete(request(prompts[0], depth: 7)).tokens == plain[0])
        }
    }

    @Test(
        "what is ahead is used and kept, with the Markov head alone changed; too little is neither, nor are salted texts"
    )
    func judged() async throws {
        let name = "tiny-qwen2-dspark"
        for (turns, isBetter) in [(10, true), (3, false)] {
            try await Fixtures.withTemporaryFolder { folder in
                let (counts, output) = (Locked(Counts()), folder + "/learnt.gguf")
                let drafter = Fixtures.path(name + ".gguf")
                let engine = try await engine(
                    Fixtures.path(try Fixtures.target(of: name) + ".gguf"), .file(path: drafter), counts,
                    output: output)
                let plain = try await engine.complete(request("The old", depth: nil, tokens: 80)).tokens
                for turn in 1...turns {
                    #expect(try await engine.complete(request("The old", depth: 3, tokens: 80)).tokens == plain)
                    try await rest(counts, texts: turn)
                }
                #expect(counts.withLock { ($0.models > 0) == isBetter && $0.steps > 10 * turns })
                var salted = request("The old", depth: 3)
                salted.cacheSalt = "mine"
                _ = try await engine.complete(salted)
                _ = try await engine.complete(request("The old", depth: nil))
                #expect(counts.withLock(\.texts) == turns)
                let done = try #require(try await engine.finishLearning())
                #expect(done.contains("is not written") != isBetter)
                #expect(FileManager.default.fileExists(atPath: output) == isBetter)
                if isBetter { #expect(try changed(drafter, output) == ["markov_w1.weight", "markov_w2.weight"]) }
            }
        }
    }

    @Test("what was learnt is ahead or behind by the last few texts, and neither by fewer")
    func trackRecord() {
        var record = TrackRecord()
        for _ in 0..<3 { record.append(original: 1, learnt: 1.1) }
        #expect(!record.isAhead && !record.isBehind)
        record.append(original: 1, learnt: 1.1)
        #expect(record.isAhead && !record.isBehind)
        record.append(original: 1, learnt: 0.5)
        #expect(!record.isAhead && record.isBehind)
        for _ in 0..<12 { record.append(original: 1, learnt: 1.01) }
        #expect(record.isAhead && !record.isBehind)
    }

    @Test(
        "a trainer changes the Markov head or the selector, and is the original again once it begins anew",
        arguments: ["tiny-qwen2-dspark", "tiny-qwen3-dflash2"])
    func restart(_ name: String) throws {
        let path = Fixtures.path(try Fixtures.target(of: name) + ".gguf")
        let file = try Checkpoint(path: Fixtures.path(name + ".gguf"))
        let config = try DrafterConfig(file)
        let verifierFile = try Checkpoint(path: path)
        let layers = try ModelFamily.verifier(of: verifierFile.metadata).layers(verifierFile.metadata)
        let verifier = try Verifier(
            verifierFile, taps: try config.taps(verifierLayers: layers), kernels: Kernels(), pool: WorkerPool(count: 2))
        let model = try BlockDiffusionModel(file, config, for: verifier.target)
        let trainer = try OnlineTrainer(file, model, verifier: verifier, verifierFile: verifierFile)
        let reader = try LessonReader(verifier, model, draftTokens: model.draftTokens, longest: 64, seed: 0)
        let reading = try reader.begin(
            Passage(tokens: verifier.tokenizer.encode("The old keeper said that it rains.".utf8), first: 4))
        var parts = 1
        while try reader.readOn(reading, tokens: 5) { parts += 1 }
        #expect(parts > 3)
        let lesson = reader.lesson(reading, stride: 1, keepsCache: false)
        #expect(lesson.anchors.count > 8)
        /// The drafts that are expected to be accepted.
        func compared() -> (original: Double, learnt: Double) {
            var (next, original, learnt) = (0, 0.0, 0.0)
            while next < lesson.anchors.count {
                let part = trainer.compare(lesson, from: next)
                (next, original, learnt) = (part.next, original + part.original, learnt + part.learnt)
            }
            return (original, learnt)
        }
        let before = compared()
        #expect(before.original > 0 && before.original == before.learnt)
        trainer.learn(from: lesson)
        for _ in 0..<200 { #expect(trainer.step()) }
        let after = compared()
        let hasMarkov = model.config.selector == nil
        #expect(after.original == before.original && after.learnt != before.learnt, "\(before), \(after)")
        #expect(!hasMarkov || after.learnt > 1.1 * before.learnt, "\(before), \(after)")
        let names = ["selector_predecessor.weight", "selector_successor.weight", "selector_hidden.weight"]
        #expect(Set(trainer.tensors.keys) == Set(hasMarkov ? ["markov_w1.weight", "markov_w2.weight"] : names))
        for (name, tensor) in trainer.tensors {
            #expect(try tensor.bytes != file.bytes(of: #require(file.tensor(name))), "\(name)")
        }
        try trainer.restart()
        #expect(trainer.steps == 0 && compared() == before)
    }

    @Test("a learner that throws ends, and no request with it; one that never ends holds up nobody")
    func others() async throws {
        let (path, drafter) = (Fixtures.path("tiny-qwen3.gguf"), Fixtures.path("tiny-drafter.gguf"))
        func engine(
            _ counts: Locked<Counts>, step: @escaping @Sendable () throws -> IdleProgress
        ) async throws -> Engine {
            var configuration = EngineConfiguration(threads: 2)
            configuration.learner = { _, _, _, _ in WatchedLearner(nil, counts, step: step) }
            return try await Engine.load(
                verifier: path, drafter: .file(path: drafter), configuration: configuration)
        }
        let (failing, endless) = (Locked(Counts()), Locked(Counts()))
        let broken = try await engine(failing) { throw CancellationError() }
        let plain = try await broken.complete(request("The old", depth: nil)).tokens
        for _ in 0..<3 {
            #expect(try await broken.complete(request("The old", depth: 3)).tokens == plain)
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(failing.withLock(\.steps) == 1)

        let busy = try await engine(endless) {
            usleep(2000)
            return .more
        }
        for _ in 0..<3 {
            let before = endless.withLock(\.steps)
            #expect(try await busy.complete(request("The old", depth: 3)).tokens == plain)
            while endless.withLock(\.steps) < before + 3 { try await Task.sleep(for: .milliseconds(2)) }
        }
        await busy.drain()
        let steps = endless.withLock(\.steps)
        try await Task.sleep(for: .milliseconds(50))
        #expect(endless.withLock(\.steps) <= steps + 1)
    }

    @Test("what cannot learn is refused by name")
    func refusals() async throws {
        func refusal(_ verifier: String, _ drafter: DrafterSource, output: String? = nil) async -> EngineError? {
            do throws(EngineError) {
                var configuration = EngineConfiguration(threads: 2)
                configuration.learner = { verifier, model, drafter, path in
                    try OnlineLearner(verifier, model, drafter: drafter, verifier: path, output: output)
                }
                _ = try await Engine.load(
                    verifier: Fixtures.path(verifier), drafter: drafter, configuration: configuration)
                return nil
            } catch { return error }
        }
        let good = DrafterSource.file(path: Fixtures.path("tiny-drafter.gguf"))
        let eagle = DrafterSource.file(path: Fixtures.path("tiny-qwen3-eagle3.gguf"))
        let bare = DrafterSource.file(path: Fixtures.path("tiny-qwen3-dflash.gguf"))
        for (error, code, words) in [
            (await refusal("tiny-qwen3.gguf", .none), EngineError.Code.invalidRequest, "the drafter is none"),
            (await refusal("tiny-qwen3.gguf", .lookup), .invalidRequest, "the drafter is lookup"),
            (await refusal("tiny-qwen3-target.gguf", eagle), .invalidRequest, "of the kind EAGLE"),
            (await refusal("tiny-qwen3-target.gguf", bare), .invalidRequest, "neither a Markov head nor a selector"),
            (await refusal("tiny-qwen3.gguf", good, output: "/nowhere/x.gguf"), .fileMissing, "/nowhere/x.gguf"),
            (await refusal("tiny-qwen3.gguf", good, output: "/dev/null"), .fileUnreadable, "/dev/null"),
        ] {
            #expect(
                error?.code == code && error?.message.contains(words) == true, "\(words): \(String(describing: error))")
        }
    }
}
