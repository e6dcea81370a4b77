/// The sampling settings that a model's makers recommend, for requests that leave them out; nil where there is none.
public struct SamplingDefaults: Equatable, Sendable, Encodable {
    public var temperature: Float?
    public var topP: Float?
    public var topK: Int?
    public var minP: Float?
    public var repetitionPenalty: Float?

    public init(
        temperature: Float? = nil, topP: Float? = nil, topK: Int? = nil, minP: Float? = nil,
        repetitionPenalty: Float? = nil
    ) {
        self.temperature = temperature
        self.topP = topP
        self.topK = topK
        self.minP = minP
        self.repetitionPenalty = repetitionPenalty
    }

    /// Recommendations of model cards by prefix of `general.basename`, for files that predate the metadata keys. The
    /// first match applies.
    private static let families: [(basename: String, defaults: SamplingDefaults)] = [
        ("smollm2", .init(temperature: 0.2, topP: 0.9)),
        ("smollm3", .init(temperature: 0.6, topP: 0.95)),
        ("qwen2.5", .init(temperature: 0.7, topP: 0.8, topK: 20, repetitionPenalty: 1.05)),
        ("qwen3", .init(temperature: 0.6, topP: 0.95, topK: 20)),
        ("llama-3", .init(temperature: 0.6, topP: 0.9)),
    ]

    /// Reads the keys `general.sampling.*` of a GGUF file, as llama.cpp's converter writes them from
    /// `generation_config.json`; if there are none, looks the model up in the table of families.
    /// - Throws: `CheckpointError` naming a key that is out of range.
    package init(_ metadata: Metadata) throws(CheckpointError) {
        let prefix = "general.sampling."
        self.init(
            temperature: try metadata.optionalFloat(prefix + "temp"),
            topP: try metadata.optionalFloat(prefix + "top_p"),
            topK: try metadata.optionalInteger(prefix + "top_k", in: 0...Int(Int32.max)),
            minP: try metadata.optionalFloat(prefix + "min_p"),
            repetitionPenalty: try metadata.optionalFloat(prefix + "penalty_repeat"))
        if let problem = options().problem() {
            throw CheckpointError("metadata keys '\(prefix)*' do not serve: \(problem)")
        }
        guard self == SamplingDefaults() else { return }
        let name = (metadata["general.basename"] == nil ? "general.name" : "general.basename")
        let basename = (try metadata.optionalString(name) ?? "").lowercased()
        if let family = Self.families.first(where: { basename.hasPrefix($0.basename) }) { self = family.defaults }
    }

    /// These defaults, overridden by what `others` set.
    public func filling(_ others: SamplingDefaults) -> SamplingDefaults {
        SamplingDefaults(
            temperature: others.temperature ?? temperature, topP: others.topP ?? topP, topK: others.topK ?? topK,
            minP: others.minP ?? minP, repetitionPenalty: others.repetitionPenalty ?? repetitionPenalty)
    }

    /// The options of a request that sets none; where there is no recommendation, the model's own distribution.
    public func options() -> SamplingOptions {
        SamplingOptions(
            temperature: temperature ?? 1, topK: topK ?? 0, topP: topP ?? 1, minP: minP ?? 0,
            repetitionPenalty: repetitionPenalty ?? 1)
    }
}
