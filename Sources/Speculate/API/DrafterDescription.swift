import SpeculateDrafter
import SpeculateShared

/// What a drafter's file means, for those who do not know its keys by heart.
package struct DrafterDescription {
    /// One fact per line.
    package let lines: [String]

    /// Whether a file says that it is a drafter.
    package static func isDrafter(_ metadata: Metadata) -> Bool {
        DrafterKind(metadata) != nil
    }

    /// Whether a file can be read and says that it is an EAGLE drafter.
    package static func isEagle(path: String) -> Bool {
        (try? Checkpoint(path: path)).flatMap { DrafterKind($0.metadata) } == .eagle
    }

    /// - Throws: `CheckpointError` where it is not a drafter that this engine runs.
    package init(_ checkpoint: Checkpoint) throws(CheckpointError) {
        lines =
            switch DrafterKind(checkpoint.metadata) {
            case .eagle: Self.lines(try EagleConfig(checkpoint), checkpoint)
            case .diffusion: Self.lines(try DrafterConfig(checkpoint), checkpoint)
            case nil: throw CheckpointError("this is a model, expected a drafter")
            }
    }

    private static func lines(_ config: EagleConfig, _ checkpoint: Checkpoint) -> [String] {
        let t = config.transformer
        let drafted = checkpoint.tensor("d2t")?.count ?? t.vocabulary
        func owner(_ name: String) -> String { checkpoint.tensor(name) == nil ? "the verifier's" : "its own" }
        return [
            "EAGLE-3, for a verifier of width \(config.targetHidden) with these \(t.vocabulary) tokens",
            "drafts token by token, up to \(EagleConfig.drafts)",
            "one layer of width \(t.hidden), \(t.heads) heads over \(t.kvHeads) key-value heads of \(t.headDimension)",
            "listens to the verifier's hidden states before layers \(list(config.targetLayers)); sees \(t.context) tokens back",
            "can draft \(drafted) of \(t.vocabulary) tokens",
            "embedding: \(owner("token_embd.weight")); head: \(owner("output.weight"))",
        ]
    }

    private static func list(_ layers: [Int]) -> String { layers.map(String.init).joined(separator: ", ") }

    private static func lines(_ config: DrafterConfig, _ checkpoint: Checkpoint) -> [String] {
        let t = config.transformer
        let drafted = checkpoint.tensor("d2t")?.count ?? t.vocabulary
        // Other processes reveal nothing, or by chance.
        let revealing = config.process == .absorbing ? config.schedules : [:]
        let schedules = revealing.sorted { $0.key < $1.key }.map { passes, schedule in
            "\(passes) passes reveal \(schedule.map(String.init).joined(separator: ", ")) tokens before the last"
        }
        let hasMarkovHead = checkpoint.tensor("markov_w1.weight") != nil
        let kind = config.selector == nil ? (hasMarkovHead ? "DSpark" : "DFlash") : "DFlash 2"
        return [
            "\(kind), for a verifier of width \(t.hidden) with these \(t.vocabulary) tokens",
            "drafts \(config.drafts) tokens a block of \(config.block) slots: the last token, then MASK (\(config.maskToken))",
            "\(t.layers) layers of width \(t.hidden), \(t.heads) heads over \(t.kvHeads) key-value heads of \(t.headDimension)",
            "listens to the verifier's hidden states before layers \(list(config.targetLayers)); sees \(config.window) tokens back",
            "can draft \(drafted) of \(t.vocabulary) tokens",
            "diffusion process: \(config.process.rawValue)"
                // Masking takes no times.
                + (config.process == .absorbing ? "" : ", \(config.noiseSchedule.rawValue) noise"),
            checkpoint.tensor("markov_w1.weight").map { "Markov head of rank \($0.shape[0])" } ?? "no Markov head",
        ] + (config.selector.map { ["selector among \($0.count) tokens, of rank \($0.rank)"] } ?? []) + [
            checkpoint.tensor("conf_proj.weight") == nil ? "no confidence head" : "confidence head",
            "made for the verifier with fingerprint \(config.verifierFingerprint ?? "(not named)")",
        ] + schedules
    }
}
