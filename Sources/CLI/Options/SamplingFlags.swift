import ArgumentParser
import Speculate

extension AcceptanceRule: ExpressibleByArgument {
    /// `greedy` is what temperature 0 does, and cannot be chosen.
    public static var allValueStrings: [String] { allCases.filter { $0 != .greedy }.map(\.rawValue) }
    public static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
}

/// How the next token is chosen.
struct SamplingFlags: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("0 takes the likeliest token, 1 samples the model's own distribution.", valueName: "x"))
    var temperature: Float = 0

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Keep the k likeliest tokens; 0 or -1 keeps all.", valueName: "k"))
    var topK: Int = 0

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Keep the fewest tokens whose probabilities reach p.", valueName: "p"))
    var topP: Float = 1

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Keep tokens at least p times as likely as the likeliest.", valueName: "p"))
    var minP: Float = 0

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Divides the logits of tokens that were there before; 1 is none.", valueName: "x"))
    var repetitionPenalty: Float = 1

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Subtracted from the logits of tokens in the answer.", valueName: "x"))
    var presencePenalty: Float = 0

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Subtracted for each time that a token is in the answer.", valueName: "x"))
    var frequencyPenalty: Float = 0

    @Option(
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Added to one token's logit; may be repeated.", valueName: "token=x"))
    var logitBias: [LogitBias] = []

    @Option(
        help: ArgumentHelp(
            "How drafts are judged above temperature 0: match, coupled, rejection or block.",
            discussion: """
                All give the model's own distribution. With match and coupled a seed's text does not depend on what is drafted; \
                with rejection and block it does.
                """, valueName: "rule"))
    var acceptance: AcceptanceRule = .coupled

    struct LogitBias: ExpressibleByArgument {
        let token: Int32
        let bias: Float

        init?(argument: String) {
            let parts = argument.split(separator: "=", omittingEmptySubsequences: false)
            guard parts.count == 2, let token = Int32(parts[0]), let bias = Float(parts[1]) else { return nil }
            self.token = token
            self.bias = bias
        }
    }

    func options(seed: UInt64) -> SamplingOptions {
        var biases: [Int32: Float] = [:]
        for entry in logitBias { biases[entry.token, default: 0] += entry.bias }
        return SamplingOptions(
            temperature: temperature, topK: Self.topK(topK), topP: topP, minP: minP,
            repetitionPenalty: repetitionPenalty, presencePenalty: presencePenalty, frequencyPenalty: frequencyPenalty,
            logitBias: biases, seed: seed)
    }

    /// -1 means off too, as in requests to the service.
    static func topK(_ value: Int) -> Int { value == -1 ? 0 : value }

    var isGreedy: Bool { SamplingOptions(temperature: temperature).isGreedy }
}
