import ArgumentParser
import Speculate

/// The answer: its length, its end, and how its tokens are chosen.
struct RequestFlags: ParsableArguments {
    @OptionGroup(title: "Answer") var limits: AnswerLimits
    @OptionGroup(title: "Sampling") var sampling: SamplingFlags

    var maxTokens: Int { limits.maxTokens }
    var seed: UInt64? { limits.seed }

    func chooseSeed() -> UInt64 { seed ?? UInt64.random(in: 0...UInt64(UInt32.max)) }

    func request(_ prompt: CompletionRequest.Prompt, seed: UInt64) -> CompletionRequest {
        CompletionRequest(
            prompt, maximumTokens: maxTokens == -1 ? nil : maxTokens, sampling: sampling.options(seed: seed),
            stop: limits.stop, endsLoops: !limits.keepLoops, acceptance: sampling.acceptance)
    }

    /// Rejects what no model could answer, before one is loaded.
    /// - Throws: `EngineError` naming the flag.
    func check() throws(EngineError) {
        if let problem = AnswerLimits.problem(maxTokens: maxTokens) ?? request(.tokens([]), seed: 0).problem() {
            throw EngineError(.invalidRequest, problem)
        }
    }
}
