import SpeculateDrafter
import SpeculateShared

/// What a drafter's file means, for those who do not know its keys by heart.
package struct DrafterDescription {
    /// One fact per line.
    package let lines: [String]

    /// Whether a file says that it is a drafter.
    package static func isDrafter(_ metadata: Metadata) -> Bool {
        (try? metadata.string("general.architecture")) == DrafterConfig.architecture
    }

    /// - Throws: `CheckpointError` where it is not a drafter that this engine runs.
    package init(_ checkpoint: Checkpoint) throws(CheckpointError) {
        let config = try DrafterConfig(checkpoint)
        let t = config.transformer
        let drafted = checkpoint.tensor("d2t")?.count ?? t.vocabulary
        let layers = config.targetLayers.map(String.init).joined(separator: ", ")
        let schedules = config.schedules.sorted { $0.key < $1.key }.map { passes, schedule in
            "\(passes) passes reveal \(schedule.map(String.init).joined(separator: ", ")) tokens before the last"
        }
        let hasMarkovHead = checkpoint.tensor("markov_w1.weight") != nil
        let kind = config.selector == nil ? (hasMarkovHead ? "DSpark" : "DFlash") : "DFlash 2"
        lines =
            [
                "\(kind), for a verifier of width \(t.hidden) with these \(t.vocabulary) tokens",
                "drafts \(config.drafts) tokens a block of \(config.block) slots: the last token, then MASK (\(config.maskToken))",
                "\(t.layers) layers of width \(t.hidden), \(t.heads) heads over \(t.kvHeads) key-value heads of \(t.headDimension)",
                "listens to the verifier's hidden states before layers \(layers); sees \(config.window) tokens back",
                "can draft \(drafted) of \(t.vocabulary) tokens",
                checkpoint.tensor("markov_w1.weight").map { "Markov head of rank \($0.shape[0])" } ?? "no Markov head",
            ] + (config.selector.map { ["selector among \($0.count) tokens, of rank \($0.rank)"] } ?? []) + [
                checkpoint.tensor("conf_proj.weight") == nil ? "no confidence head" : "confidence head",
                "made for the verifier with fingerprint \(config.verifierFingerprint ?? "(not named)")",
            ] + schedules
    }
}
