import ArgumentParser
import Speculate

/// Sampling settings for requests that leave them out.
struct SamplingDefaultFlags: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Temperature where a request does not say. Default: what the model's makers advise, else 1.",
            valueName: "x"))
    var temperature: Float?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Top-p where a request does not say. Default: as for temperature.", valueName: "p"))
    var topP: Float?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Top-k where a request does not say, 0 or -1 for all tokens. Default: as for temperature.", valueName: "k"))
    var topK: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Min-p where a request does not say. Default: as for temperature.", valueName: "p"))
    var minP: Float?

    var defaults: SamplingDefaults {
        SamplingDefaults(temperature: temperature, topP: topP, topK: topK.map(SamplingFlags.topK), minP: minP)
    }
}
