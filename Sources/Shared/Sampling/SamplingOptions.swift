/// The law that the next token is drawn from, as transforms of the logits. They apply in this order: logit bias,
/// penalties, temperature, top-k, top-p, min-p.
public struct SamplingOptions: Equatable, Sendable {
    /// 0 takes the likeliest token; 1 samples the model's own law.
    public var temperature: Float
    /// Keep the k likeliest tokens; 0 keeps all.
    public var topK: Int
    /// Keep the fewest likeliest tokens whose probabilities reach this sum; 1 keeps all.
    public var topP: Float
    /// Keep tokens at least this fraction as likely as the likeliest; 0 keeps all.
    public var minP: Float
    /// Divides positive and multiplies negative logits of tokens in the prompt or the answer (Keskar et al. 2019);
    /// 1 is none.
    public var repetitionPenalty: Float
    /// Subtracted once from the logit of every token in the answer.
    public var presencePenalty: Float
    /// Subtracted from a token's logit for each time that it stands in the answer.
    public var frequencyPenalty: Float
    /// Added to the logits of these tokens.
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

    /// Whether the law is that of the likeliest token, and the logits are asked for no more than which it is.
    package var takesLikeliest: Bool { temperature == 0 && logitBias.isEmpty && !hasPenalties }

    package var hasPenalties: Bool { repetitionPenalty != 1 || presencePenalty != 0 || frequencyPenalty != 0 }

    /// The first setting outside its range, in words; nil when all are sound.
    package func problem(vocabularySize: Int) -> String? {
        // Beyond ±1000 a penalty or bias decides everything already, and sums stay finite.
        let bounded: ClosedRange<Float> = -1000...1000
        if !(0...1000).contains(temperature) { return "temperature is \(temperature), expected 0 to 1000" }
        if topK < 0 { return "top-k is \(topK), expected 0 or more" }
        if !(topP > 0 && topP <= 1) { return "top-p is \(topP), expected more than 0 and at most 1" }
        if !(0...1).contains(minP) { return "min-p is \(minP), expected 0 to 1" }
        if !(repetitionPenalty > 0 && repetitionPenalty <= 1000) {
            return "repetition penalty is \(repetitionPenalty), expected more than 0 and at most 1000"
        }
        if !bounded.contains(presencePenalty) {
            return "presence penalty is \(presencePenalty), expected -1000 to 1000"
        }
        if !bounded.contains(frequencyPenalty) {
            return "frequency penalty is \(frequencyPenalty), expected -1000 to 1000"
        }
        for (token, bias) in logitBias.sorted(by: { $0.key < $1.key }) {
            if !(0..<vocabularySize).contains(Int(token)) {
                return "logit bias names token \(token), expected 0 to \(vocabularySize - 1)"
            }
            if !bounded.contains(bias) { return "logit bias of token \(token) is \(bias), expected -1000 to 1000" }
        }
        return nil
    }
}
