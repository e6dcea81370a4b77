import Foundation
import Speculate
import SpeculateShared
import TestSupport
import Testing

/// Valid GGUF files that ask for the impossible, through loading and completion.
@Suite struct HostileFileTests {
    private let settings: [Speculation] = [
        .adaptive, .diffusion(depth: 4, passes: 2), .tree(tokens: 6), .lookup(depth: 5),
    ]

    private func error(_ verifier: String, _ drafter: DrafterSource = .none) async -> EngineError? {
        do throws(EngineError) {
            _ = try await Engine.load(verifier: verifier, drafter: drafter, configuration: .init(threads: 1))
            return nil
        } catch {
            return error
        }
    }

    @Test("a drafter's context may be shorter than the text: it drafts as long as it can, and the text is the same")
    func shortDrafterContext() async throws {
        try await Fixtures.withTemporaryFolder { folder in
            let verifier = Fixtures.path("tiny-qwen3.gguf")
            let request = CompletionRequest(.tokens([1, 2, 3, 4, 5, 6, 7, 8, 9]), maximumTokens: 60)
            let plain = try await Engine.load(verifier: verifier, drafter: .none).complete(request)
            for context in [2, 7, 8, 9, 10, 16, 17, 40] as [UInt32] {
                let drafter = "\(folder)/\(context).gguf"
                try Fixtures.write("tiny-drafter.gguf", to: drafter) {
                    $0["dflash.context_length"] = .uint32(context)
                    $0["dflash.attention.sliding_window"] = .uint32(context)
                }
                let engine = try await Engine.load(
                    verifier: verifier, drafter: .file(path: drafter), configuration: .init(threads: 1))
                for speculation in settings {
                    var drafted = request
                    drafted.speculation = speculation
                    let result = try await engine.complete(drafted)
                    #expect(result.tokens == plain.tokens, "context \(context), \(speculation)")
                }
                if context < 17 {
                    let error = await #expect(throws: EngineError.self) { try await engine.draft(request.prompt) }
                    #expect(error?.code == .contextOverflow)
                }
            }
        }
    }

    @Test("a verifier's context has room for a token and the next, or is refused")
    func shortVerifierContext() async throws {
        try await Fixtures.withTemporaryFolder { folder in
            for context in [0, 1, 2, 3, 5] as [UInt32] {
                let path = "\(folder)/\(context).gguf"
                try Fixtures.write("tiny-qwen3.gguf", to: path) { $0["qwen3.context_length"] = .uint32(context) }
                guard context >= 2 else {
                    #expect(await error(path)?.message.contains("context_length' is \(context), expected 2") == true)
                    continue
                }
                for drafter in [DrafterSource.lookup, .file(path: Fixtures.path("tiny-drafter.gguf"))] {
                    let engine = try await Engine.load(verifier: path, drafter: drafter)
                    let result = try await engine.complete(.init(.tokens([7])))
                    #expect(result.tokens.count < Int(context))
                }
            }
        }
    }

    @Test("a file that is cut while it is read is an error that says so")
    func cutWhileRead() throws {
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/cut.gguf"
            let bytes = try Fixtures.bytes("tiny-qwen3.gguf")
            try Data(bytes).write(to: URL(filePath: path))
            let checkpoint = try Checkpoint(path: path)
            let handle = try FileHandle(forUpdating: URL(filePath: path))
            try handle.truncate(atOffset: UInt64(bytes.count / 2))
            try handle.close()
            var failures = 0
            for tensor in checkpoint.tensors {
                do {
                    _ = try checkpoint.bytes(of: tensor)
                } catch {
                    #expect("\(error)".contains("was cut while being read"))
                    failures += 1
                }
            }
            #expect(failures > 0)
            let loader = try WeightLoader(checkpoint, pool: WorkerPool(count: 2))
            let last = try #require(checkpoint.tensors.filter { $0.shape.count == 2 }.max { $0.offset < $1.offset })
            #expect(throws: CheckpointError.self) {
                try loader.matrix(last.name, inputs: last.shape[0], outputs: last.shape[1])
            }
        }
    }

    @Test("more memory than there is, is an error")
    func memory() {
        #expect(throws: OutOfMemory.self) { try Arena(capacity: 1 << 60) }
    }

    @Test("what is no regular file is refused at once, a pipe that nobody writes to as well")
    func pipes() async throws {
        try await Fixtures.withTemporaryFolder { folder in
            let pipe = folder + "/pipe"
            #expect(mkfifo(pipe, 0o600) == 0)
            for path in [pipe, "/dev/zero", "/dev/full", folder] {
                #expect(await error(path)?.code == .fileUnreadable, "\(path)")
                #expect(await error(Fixtures.path("tiny-qwen3.gguf"), .file(path: path))?.code == .fileUnreadable)
            }
        }
    }
}
