import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier
import Testing
import TestSupport

@testable import Speculate

@Suite struct FamilyTextTests {
    @Test(
        "with drafts from text every architecture writes what it writes without",
        arguments: [
            "tiny-llama3", "tiny-linear", "tiny-qwen2", "tiny-qwen3", "tiny-smollm3", "tiny-gemma3", "tiny-granite",
            "tiny-olmo2", "tiny-olmo3", "tiny-mistral3", "tiny-phi3", "tiny-phi3-short", "tiny-qwen3moe",
        ])
    func drafts(name: String) throws {
        let verifier = try Verifier(
            Checkpoint(path: Fixtures.path("\(name).gguf")), kernels: Kernels(), pool: WorkerPool(count: 2))
        let runs = GenerationTests()
        // Random weights write next to nothing twice, but a sharp choice among few tokens does.
        let prompt = (0..<40).map { Int32($0 * 37 % 11) }
        var accepted = 0
        for seed in UInt64(0)..<4 {
            let options = SamplingOptions(temperature: seed == 0 ? 0 : 0.8, topK: 3, seed: seed)
            let rule: AcceptanceRule = seed == 0 ? .greedy : .coupled
            let memory = TextMemory(vocabulary: verifier.config.vocabulary, limit: 1 << 20)
            let plain = try runs.run(verifier, prompt, options, rule, maximum: 60)
            for depth in [3, 8, 3] {  // The last time what was answered is remembered.
                let drafter = TextDrafter(odds: FollowerOdds(), memory: memory)
                let drafted = try runs.run(
                    verifier, prompt, options, rule, maximum: 60, depth: depth, drafter: drafter)
                #expect(drafted.tokens == plain.tokens, "\(name), seed \(seed), depth \(depth)")
                accepted += drafted.statistics.accepted
                memory.remember((prompt + drafted.tokens)[...])
            }
        }
        #expect(accepted > 100)
    }
}
