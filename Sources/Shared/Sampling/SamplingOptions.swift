/// The distribution that the next token is drawn from, as transforms of the logits, applied in this order: logit bias,
/// penalties, temperature, top-k, top-p, min-p.
public struct SamplingOptions: Equatable, Sendable {
    /// Below `leastTemperature` the likeliest token is taken; 1 is the model's own distribution.
    public var temperature: Float
    /// Keep the k likeliest tokens; 0 keeps all.
    public var topK: Int
    /// Keep the fewest likeliest tokens whose probabilities reach this sum, at least one; 1 keeps all.
    public var topP: Float
    /// Keep tokens at least this fraction as likely as the likeliest; 0 keeps all.
    public var minP: Float
    /// Divides positive and multiplies negative logits of tokens in the prompt or the answer (Keskar et al. 2019); 1
    /// has no effect.
    public var repetitionPenalty: Float
    /// Subtracted once from the logit of every token in the answer.
    public var presencePenalty: Float
    /// Subtracted from a token's logit once per occurrence in the answer.
    public var frequencyPenalty: Float
    /// Added to the logits of these tokens; at most `maximumBiases` of them.
    public var logitBias: [Int32: Float]
    /// The same seed gives the same text, whatever is drafted.
    public var seed: UInt64

    public init(
        temperature: Float = 0, topK: Int = 0, topP: Float = 1, minP: Float = 0, repetitionPenalty: Float = 1,
        presencePenalty: Float = 0, frequencyPenalty: Float = 0, logitBias: [Int32: Float] = [:], seed: UInt64 = 0
    ) {
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.minP = minP
        self.repetitionPenalty = repetitionPenalty
        self.presencePenalty = presencePenalty
        self.frequencyPenalty = frequencyPenalty
        self.logitBias = logitBias
        self.seed = seed
    }

    /// Temperatures below this count as 0: a token 0.01 nats behind the likeliest would have a chance of e^−1000, and
    /// 1/temperature stays well within a float's range.
    public static let leastTemperature: Float = 1e-5

    /// The most tokens with a bias: each costs time for every token of the answer.
    public static let maximumBiases = 1024

    /// Whether the likeliest token is taken instead of a random draw.
    public var isGreedy: Bool { temperature < Self.leastTemperature }

    /// Whether only the index of the greatest logit matters, not the logits.
    package var takesLikeliest: Bool { isGreedy && logitBias.isEmpty && !hasPenalties }

    package var hasPenalties: Bool { repetitionPenalty != 1 || presencePenalty != 0 || frequencyPenalty != 0 }

    /// Describes the first setting outside its range, starting with its name; nil if all are valid.
    /// - Parameter vocabularySize: nil if not known yet.
    public func problem(vocabularySize: Int? = nil) -> String? {
        func plain(_ number: Float) -> String { Int(exactly: number).map(String.init) ?? "\(number)" }
        // Beyond ±1000 a penalty or bias decides everything anyway, and sums stay finite.
        let numbers: [(name: String, value: Float, range: ClosedRange<Float>)] = [
            ("temperature", temperature, 0...1000), ("top_p", topP, 0...1), ("min_p", minP, 0...1),
            ("repetition_penalty", repetitionPenalty, 0.001...1000),
            ("presence_penalty", presencePenalty, -1000...1000),
            ("frequency_penalty", frequencyPenalty, -1000...1000),
        ]
        for (name, value, range) in numbers where !range.contains(value) {
            return "\(name) is \(plain(value)), expected \(plain(range.lowerBound)) to \(plain(range.upperBound))"
        }
        if logitBias.count > Self.maximumBiases {
            return "logit_bias has \(logitBias.count) entries, expected at most \(Self.maximumBiases)"
        }
        if topK < 0 { return "top_k is \(topK), expected 0 or more" }
        for (token, bias) in logitBias.sorted(by: { $0.key < $1.key }) {
            if token < 0 || vocabularySize.map({ token >= $0 }) ?? false {
                let expected = vocabularySize.map { "0 to \($0 - 1)" } ?? "0 or more"
                return "logit_bias names token \(token), expected \(expected)"
            }
            if !(-1000...1000).contains(bias) {
                return "logit_bias of token \(token) is \(plain(bias)), expected -1000 to 1000"
            }
        }
        return nil
    }
}
