import ArgumentParser
import Speculate

/// What an answer is to be: how long, where it ends, how its tokens are chosen.
struct RequestFlags: ParsableArguments {
    @Option(
        name: [.customShort("n"), .long], parsing: .unconditional,
        help: ArgumentHelp("Tokens of the answer at most; -1 fills the context.", valueName: "n"))
    var maxTokens = 512

    @Option(help: ArgumentHelp("End before this text; may be repeated.", valueName: "text"))
    var stop: [String] = []

    @Flag(help: "Keep going when the answer repeats itself; else it ends with the third repetition.")
    var keepLoops = false

    @Option(
        help: ArgumentHelp(
            "The same seed gives the same text, whatever is drafted. Default: a new one each time.", valueName: "n"))
    var seed: UInt64?

    @OptionGroup(title: "Sampling") var sampling: SamplingFlags

    func chooseSeed() -> UInt64 { seed ?? UInt64.random(in: 0...UInt64(UInt32.max)) }

    func request(_ prompt: CompletionRequest.Prompt, seed: UInt64) -> CompletionRequest {
        CompletionRequest(
            prompt, maximumTokens: maxTokens == -1 ? nil : maxTokens, sampling: sampling.options(seed: seed),
            stop: stop,
            endsLoops: !keepLoops, acceptance: sampling.acceptance)
    }
}
