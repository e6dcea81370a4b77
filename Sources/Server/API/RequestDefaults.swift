import Speculate
import SpeculateShared

/// Defaults for what requests leave out.
public struct RequestDefaults: Sendable {
    public var sampling: SamplingDefaults
    /// The most tokens of an answer; nil: as many as fit the context, or OpenAI's 16 for a text completion.
    public var maximumTokens: Int?

    public init(sampling: SamplingDefaults = SamplingDefaults(), maximumTokens: Int? = nil) {
        self.sampling = sampling
        self.maximumTokens = maximumTokens
    }

    var textTokens: Int { maximumTokens ?? 16 }

    /// These defaults, completed with the recommendations of the model's makers.
    func filled(for model: ModelDescription) -> RequestDefaults {
        RequestDefaults(sampling: model.sampling.filling(sampling), maximumTokens: maximumTokens)
    }
}
