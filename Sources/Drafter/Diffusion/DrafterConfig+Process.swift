import SpeculateShared

/// What a drafter's file says of the diffusion process that it was trained with.
extension DrafterConfig {
    private static let processKey = "speculate.process"
    private static let scheduleKey = "speculate.process.noise_schedule"

    static func process(_ metadata: Metadata) throws(CheckpointError) -> DiffusionKind {
        try named(processKey, metadata) ?? .absorbing
    }

    static func noiseSchedule(_ metadata: Metadata) throws(CheckpointError) -> NoiseSchedule {
        try named(scheduleKey, metadata) ?? .linear
    }

    private static func named<Value: RawRepresentable<String> & CaseIterable>(
        _ key: String, _ metadata: Metadata
    ) throws(CheckpointError) -> Value? {
        guard let name = try metadata.optionalString(key) else { return nil }
        guard let value = Value(rawValue: name) else {
            let names = Value.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
            throw .invalid(key: key, value: excerpt(name), expected: "one of \(names)")
        }
        return value
    }

    /// - Throws: `CheckpointError` where another part of the file does not go with its process.
    func checkProcess() throws(CheckpointError) {
        guard process != .absorbing else { return }
        let kind = "where '\(Self.processKey)' is '\(process.rawValue)'"
        guard samplesFromAnchor else {
            throw .invalid(key: "\(Self.architecture).sample_from_anchor", value: false, expected: "true \(kind)")
        }
        if let selector {
            throw .invalid(key: "\(Self.architecture).selector_top_k", value: selector.count, expected: "none \(kind)")
        }
    }
}
