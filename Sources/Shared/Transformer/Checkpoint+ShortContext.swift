extension Checkpoint {
    /// The most tokens of a sequence that rotates by the file's factors for short ones, where it has others for long ones
    /// (LongRoPE; Ding et al. 2024); nil where it has not.
    /// - Throws: `CheckpointError` when the metadata's length is out of range.
    package var shortContext: Int? {
        get throws(CheckpointError) {
            guard tensors.contains(where: { $0.name == "rope_factors_long.weight" }) else { return nil }
            let family = try metadata.string("general.architecture")
            return try metadata.optionalInteger("\(family).rope.scaling.original_context_length", in: 2...1 << 30)
        }
    }
}
