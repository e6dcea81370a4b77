import Speculate
import SpeculateShared

/// What holds for requests that do not say.
public struct RequestDefaults: Sendable {
    public var sampling: SamplingDefaults
    /// Maximum tokens of an answer; nil: as many as the context holds, and OpenAI's 16 for a text completion.
    public var maximumTokens: Int?

    public init(sampling: SamplingDefaults = SamplingDefaults(), maximumTokens: Int? = nil) {
        self.sampling = sampling
        self.maximumTokens = maximumTokens
    }

    var textTokens: Int { maximumTokens ?? 16 }

    /// With what the model's makers advise where the operator says nothing.
    func filled(for model: ModelDescription) -> RequestDefaults {
        RequestDefaults(sampling: model.sampling.filling(sampling), maximumTokens: maximumTokens)
    }
}
