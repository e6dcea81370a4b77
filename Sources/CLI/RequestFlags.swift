import ArgumentParser
import Speculate

/// What an answer is to be: how long, where it ends, how its tokens are chosen.
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

    /// What no model could answer with is refused before one is loaded.
    /// - Throws: `EngineError` naming the flag.
    func check() throws(EngineError) {
        if let problem = AnswerLimits.problem(maxTokens: maxTokens) ?? request(.tokens([]), seed: 0).problem() {
            throw EngineError(.invalidRequest, problem)
        }
    }
}
