import Foundation
import SpeculateShared
import Testing
import TestSupport

extension CommandLineTests {
    @Test("diffuse writes with the default pair: text alone on standard output, the same for a seed")
    func diffuse() throws {
        let prompt = "What is the capital of France?"
        let arguments = ["diffuse", "--instruct", prompt, "-n", "24", "--steps", "4", "--seed", "7"]
        let first = try run(arguments)
        #expect(first.status == 0)
        #expect(!first.output.isEmpty && !first.output.contains("\u{1b}"))
        #expect(first.log.contains("diffusion    absorbing") && first.log.contains("seed         7"))
        #expect(first.log.contains("temperature 0.0"))
        #expect(try run(arguments).output == first.output)
        #expect(try run(arguments + ["--process", "absorbing", "--quiet"]).log.isEmpty)
    }

    @Test("diffuse writes with every process's drafter, and refuses what does not go with it, naming both")
    func diffusionProcesses() throws {
        let model = Fixtures.path("tiny-qwen3.gguf")
        func diffuse(_ more: String...) throws -> Run { try run(["diffuse", "ab", "-m", model, "-n", "12"] + more) }
        let uniform = Fixtures.path("tiny-uniform.gguf")
        for process in ["uniform", "token-distance", "score-absorbing", "score-uniform", "gaussian"] {
            let written = try diffuse(
                "--drafter", Fixtures.path("tiny-\(process).gguf"), "--process", process, "--temperature", "1",
                "--seed", "2")
            #expect(written.status == 0 && written.log.contains("diffusion    \(process)"), "\(written.log)")
        }
        let other = try diffuse("--drafter", uniform, "--process", "gaussian")
        #expect(other.status == 64)
        #expect(other.log.contains("'uniform'") && other.log.contains("'gaussian', which --process names"))
        // Where no laboratory has been.
        let missing = try Fixtures.withTemporaryFolder { folder in
            try run(["diffuse", "ab", "-m", model, "--process", "gaussian"], in: folder)
        }
        #expect(missing.status == 66 && missing.log.contains("Training/work/laboratory/gaussian.gguf"))
        #expect(missing.log.contains("make laboratory"))
        #expect(try diffuse("--process", "brownian").status == 64)
        let ordered = try diffuse("--drafter", uniform, "--order", "left")
        #expect(ordered.status == 64 && ordered.log.contains("--order is left"))
        #expect(try diffuse("--drafter", uniform, "--steps", "0").log.contains("--steps is 0"))
        let sampled = try diffuse("--drafter", uniform, "--sampler", "euler")
        #expect(sampled.status == 64 && sampled.log.contains("--sampler is euler, expected 'ancestral'"))
        let one = try diffuse("--drafter", uniform, "-n", "1", "--steps", "1", "--seed", "4")
        #expect(one.log.contains("uniform, 1 token, 1 block, 1 pass,"))
        #expect(one.log.contains("seed         4, temperature 0.8"))
        let none = try diffuse("--drafter", "lookup")
        #expect(none.status == 64 && none.log.contains("--drafter"))
    }

    private func run(_ arguments: [String], in folder: String) throws -> Run {
        let process = Process()
        process.executableURL = Self.program.appending(path: "speculate")
        process.arguments = arguments
        process.currentDirectoryURL = URL(filePath: folder)
        let log = Pipe()
        process.standardError = log
        try process.run()
        let said = try log.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return Run(status: process.terminationStatus, output: "", log: String(decoding: said, as: UTF8.self))
    }
}
