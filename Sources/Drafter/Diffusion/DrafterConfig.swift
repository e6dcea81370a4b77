import SpeculateShared

/// The shape of a block diffusion drafter, read from the metadata of a `dflash` checkpoint and checked.
package struct DrafterConfig: Sendable {
    /// The most layers that can be tapped; published drafters tap 3 to 6.
    private static let greatestTaps = 64

    /// What chooses among a slot's likeliest tokens by the token before them (DFlash 2).
    package struct Selector: Equatable, Sendable {
        package let rank: Int
        /// Candidates of a slot.
        package let count: Int
        /// What logits are multiplied with, and the softcap that they are put through, 0 for none.
        package let logitScale: Float
        package let softcap: Float
    }

    package let transformer: TransformerConfig
    package let selector: Selector?
    let family: ModelFamily
    /// Verifier layers whose input, the residual stream before them, is fused.
    package let targetLayers: [Int]
    /// Slots of a block, including the anchor's.
    package let block: Int
    /// If true, the anchor's slot predicts the first drafted token, and slot i the token at i + 1 (DSpark). Otherwise a
    /// slot predicts its own token and the anchor's predicts nothing (DFlash).
    package let samplesFromAnchor: Bool
    /// A slot sees tokens that are fewer than this many positions back, in layers without a window of their own.
    package let window: Int
    package let maskToken: Int32
    /// For n passes: how many tokens are revealed after each pass but the last. Without an entry, equal parts.
    package let schedules: [Int: [Int]]
    /// The verifier's `TargetModel.fingerprint`, where the file names it.
    package let verifierFingerprint: String?
    package let process: DiffusionKind
    package let noiseSchedule: NoiseSchedule
    let tokens: DrafterTokens

    /// Tokens drafted per block.
    package var drafts: Int { samplesFromAnchor ? block : block - 1 }
    /// The slot that predicts the first drafted token.
    package var firstSlot: Int { samplesFromAnchor ? 0 : 1 }

    /// - Throws: `CheckpointError` naming the key that is missing, out of range or not supported.
    package init(_ checkpoint: Checkpoint) throws(CheckpointError) {
        let metadata = checkpoint.metadata
        let name = Self.architecture
        let architecture = try metadata.string("general.architecture")
        guard architecture == name else {
            throw .invalid(key: "general.architecture", value: "'\(architecture)'", expected: "'\(name)', a drafter")
        }
        tokens = try DrafterTokens(metadata)
        let vocabulary = try metadata.optionalInteger("\(name).vocab_size", in: 0...Int.max) ?? tokens.count
        guard vocabulary == tokens.count else {
            throw .invalid(key: "\(name).vocab_size", value: vocabulary, expected: "\(tokens.count), the tokens listed")
        }
        selector = try Self.selector(metadata)
        family = try Self.family(metadata)
        transformer = try TransformerConfig(metadata, family, vocabulary: tokens.count)
        guard let layers = try metadata.optionalIntegers("\(name).target_layers"), !layers.isEmpty else {
            throw .missing(key: "\(name).target_layers")
        }
        guard layers.count <= Self.greatestTaps else {
            throw .invalid(
                key: "\(name).target_layers", value: "\(layers.count) layers", expected: "at most \(Self.greatestTaps)")
        }
        targetLayers = layers
        block = try metadata.integer("\(name).block_size", in: 2...RowBatch.maximumTreeRows)
        // Files of DFlash do not have the key; those with a Markov head begin at the anchor unless they say otherwise.
        samplesFromAnchor =
            try metadata.optionalBool("\(name).sample_from_anchor")
            ?? (checkpoint.tensor("markov_w1.weight") != nil)
        maskToken = Int32(try metadata.integer("tokenizer.ggml.mask_token_id", in: 0...tokens.count - 1))
        window = try Self.window(ofAllLayers: metadata) ?? transformer.context
        guard window >= min(block, transformer.context) else {
            throw .invalid(
                key: "\(name).attention.sliding_window", value: window, expected: "at least the block of \(block)")
        }
        verifierFingerprint = try metadata.optionalString("speculate.verifier.fingerprint")
        process = try Self.process(metadata)
        noiseSchedule = try Self.noiseSchedule(metadata)
        schedules = try Self.schedules(metadata, drafts: samplesFromAnchor ? block : block - 1)
        try checkProcess()
    }

    private static func schedules(_ metadata: Metadata, drafts: Int) throws(CheckpointError) -> [Int: [Int]] {
        var schedules: [Int: [Int]] = [:]
        for passes in 1...drafts where passes > 1 {
            let key = "speculate.schedule.\(passes)"
            guard let schedule = try metadata.optionalIntegers(key) else { continue }
            let isRising = zip(schedule, schedule.dropFirst()).allSatisfy { $0 < $1 }
            guard schedule.count == passes - 1, isRising, schedule.allSatisfy({ (1..<drafts).contains($0) }) else {
                throw .invalid(
                    key: key, value: schedule, expected: "\(passes - 1) rising counts from 1 to \(drafts - 1)")
            }
            schedules[passes] = schedule
        }
        return schedules
    }

    /// How many of `count` tokens are revealed after each of `passes` passes but the last. Fewer passes if the block is
    /// too short. Processes that reveal none by count take so many passes and nothing else from it.
    package func schedule(passes: Int, count: Int) -> [Int] {
        guard process == .absorbing else { return Array(repeating: count, count: passes - 1) }
        let passes = min(passes, count)
        guard passes > 1 else { return [] }
        let schedule = schedules[passes] ?? (1..<passes).map { max($0 * drafts / passes, 1) }
        return schedule.filter { $0 < count }
    }

    /// - Throws: `CheckpointError` saying why a drafter of this shape does not fit the verifier.
    package func check(against target: TargetModel) throws(CheckpointError) {
        let name = Self.architecture
        try tokens.check(against: target)
        guard transformer.hidden == target.config.hidden else {
            throw .invalid(
                key: "\(name).embedding_length", value: transformer.hidden,
                expected: "\(target.config.hidden), the verifier's")
        }
        if let verifierFingerprint, verifierFingerprint != target.fingerprint {
            throw .invalid(
                key: "speculate.verifier.fingerprint", value: verifierFingerprint,
                expected: "\(target.fingerprint), the verifier's; it drafts for other weights")
        }
    }

    /// The layers after which the verifier records its residual stream for this drafter.
    /// - Throws: `CheckpointError` if the verifier has no such layers.
    package func taps(verifierLayers: Int) throws(CheckpointError) -> [Int] {
        guard targetLayers.allSatisfy({ (1..<verifierLayers).contains($0) }),
            zip(targetLayers, targetLayers.dropFirst()).allSatisfy({ $0 < $1 })
        else {
            throw .invalid(
                key: "\(Self.architecture).target_layers", value: targetLayers,
                expected: "rising layers from 1 to \(verifierLayers - 1), for the verifier has \(verifierLayers)")
        }
        return targetLayers.map { $0 - 1 }
    }
}
