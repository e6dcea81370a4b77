import Speculate
import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier

/// Improves a block diffusion drafter on a user's own text: the part from the last layer's feed-forward network on learns the
/// verifier's distributions there, and the result is kept if it drafts better where nothing was learnt from.
///
/// All of it blocks the thread that it is called on.
package final class Adaptation {
    /// What the drafter's states at all places may take.
    private static let stateBytes = 512 << 20
    /// The share of the time that reading may take.
    private static let readingShare = 0.45
    /// Without a better result in so many epochs, and so many steps, it is over.
    private static let patience = (epochs: 1.5, steps: 120)
    /// Numbers of one batch's logits at most.
    private static let logits = 1 << 23

    private let settings: AdaptationSettings
    private let drafterFile: Checkpoint
    private let verifier: Verifier
    private let model: BlockDiffusionModel
    private let parameters: HeadParameters
    private let vocabulary: DraftVocabulary
    /// Tensors that are not trained and change with the vocabulary.
    private let moved: [String: (type: TensorType, bytes: [UInt8])]
    private let plan: PassagePlan
    private let longest: Int

    /// Loads the models and cuts the texts, which says early what is wrong with either.
    /// - Throws: `EngineError`.
    package init(
        verifier path: String, drafter drafterPath: String, _ texts: [AdaptationText], _ settings: AdaptationSettings
    ) throws(EngineError) {
        self.settings = settings
        var place = drafterPath
        do {
            drafterFile = try Checkpoint(path: drafterPath)
            guard DrafterKind(drafterFile.metadata) == .diffusion else {
                throw CheckpointError("this is no block diffusion drafter, expected one: only they learn from texts")
            }
            let config = try DrafterConfig(drafterFile)
            place = path
            let checkpoint = try Checkpoint(path: path)
            let layers = try ModelFamily.verifier(of: checkpoint.metadata).layers(checkpoint.metadata)
            place = drafterPath
            let taps = try config.taps(verifierLayers: layers)
            place = path
            let configuration = settings.configuration
            verifier = try Verifier(
                checkpoint, taps: taps, cacheFormat: configuration.cacheFormat,
                contextLength: configuration.contextLength, kernels: try Kernels(),
                pool: WorkerPool(count: configuration.threads ?? Processor.physicalCores),
                progress: configuration.onLoading)
            let description = try ModelDescription(checkpoint, verifier, configuration)
            place = drafterPath
            model = try BlockDiffusionModel(drafterFile, config, for: verifier.target)
            longest = min(description.contextLength, config.transformer.context - config.block)
            plan = try PassagePlan(
                texts, verifier.tokenizer, PromptReader(verifier.tokenizer, description, configuration),
                room: longest)
            Products.setThreads(verifier.pool.count)
            var parameters = try HeadParameters(drafterFile, model, verifier: checkpoint)
            let old = model.draftTokens
            let canChange = drafterFile.tensor("d2t") != nil && parameters.trainsOutput && parameters.selector == nil
            vocabulary =
                canChange
                ? DraftVocabulary(
                    old, counts: plan.counts, excluded: verifier.tokenizer.endTokens.union([config.maskToken]))
                : DraftVocabulary(unchanged: old)
            moved =
                vocabulary.isChanged
                ? try parameters.change(to: vocabulary, of: old, drafterFile, verifier: checkpoint) : [:]
            self.parameters = parameters
        } catch {
            throw EngineError(error, path: place)
        }
    }

    /// Learns, and writes the drafter if it is better.
    /// - Parameters:
    ///   - output: the file to be.
    ///   - isStopped: asked between steps; what was learnt so far is judged all the same.
    /// - Throws: `EngineError`.
    package func run(
        to output: String, isStopped: () -> Bool, report: (AdaptationEvent) -> Void
    ) throws(EngineError) -> AdaptationResult {
        let start = ContinuousClock.now
        func share() -> Double { (ContinuousClock.now - start) / settings.limit }
        let (lessons, heldOut) = try read(share, isStopped, report)
        let rows = max(min(512, Self.logits / parameters.output.rows), model.config.drafts)
        let network = HeadNetwork(
            parameters, draftTokens: vocabulary.tokens, rows: rows, kernels: verifier.kernels, pool: verifier.pool)
        let trainer = Trainer(network, lessons, seed: settings.seed)
        do {
            let before = try heldOut.tokensPerRound(model)
            let learnt = train(trainer, heldOut, before, share, isStopped, report)
            var after = before
            if let learnt {
                let file = try PendingFile(path: output)
                try AdaptedFile(original: drafterFile).write(
                    learnt.merging(moved) { _, other in other }, to: file)
                after = try heldOut.tokensPerRound(try reloaded(file))
                if after > before { try file.commit() }
            }
            return AdaptationResult(
                before: before, after: after, places: lessons.reduce(0) { $0 + $1.anchors.count },
                steps: trainer.steps, wasStopped: isStopped())
        } catch {
            throw EngineError(error, path: output)
        }
    }

    /// The drafter that was written, as any engine will load it.
    private func reloaded(_ file: PendingFile) throws -> BlockDiffusionModel {
        try file.synchronize()
        let checkpoint = try Checkpoint(path: file.temporary)
        return try BlockDiffusionModel(checkpoint, try DrafterConfig(checkpoint), for: verifier.target)
    }

    private func read(
        _ share: () -> Double, _ isStopped: () -> Bool, _ report: (AdaptationEvent) -> Void
    ) throws(EngineError) -> ([Lesson], HeldOut) {
        let reader: LessonReader
        do throws(OutOfMemory) {
            reader = try LessonReader(
                verifier, model, draftTokens: vocabulary.tokens, longest: longest, seed: settings.seed)
        } catch { throw EngineError(error, path: drafterFile.path) }
        let total = plan.heldOut.count + plan.training.count
        let places = plan.training.reduce(0) { $0 + $1.places }
        let most = Self.stateBytes / (2 * model.config.drafts * model.config.transformer.hidden)
        let stride = max((places + most - 1) / most, 1)
        var (held, lessons): ([Lesson], [Lesson]) = ([], [])
        report(.reading(done: 0, total: total))
        for (passages, isHeldOut) in [(plan.heldOut, true), (plan.training, false)] {
            for first in Swift.stride(from: 0, to: passages.count, by: LessonReader.group) {
                // Something has to be read, however little time there is.
                if !isHeldOut, !lessons.isEmpty, share() > Self.readingShare || isStopped() { break }
                let group = Array(passages[first..<min(first + LessonReader.group, passages.count)])
                let read = try reader.read(group, stride: isHeldOut ? 1 : stride, keepsCaches: isHeldOut)
                if isHeldOut { held += read } else { lessons += read }
                report(.reading(done: held.count + lessons.count, total: total))
            }
        }
        lessons.removeAll { $0.anchors.isEmpty }
        held.removeAll { $0.anchors.isEmpty }
        guard !lessons.isEmpty, !held.isEmpty else {
            throw EngineError(.invalidRequest, "the model says nothing after these texts: there is nothing to learn")
        }
        return (lessons, HeldOut(held, drafts: model.config.drafts))
    }

    /// The trained tensors where they were best; nil if they never were better than at the start.
    private func train(
        _ trainer: Trainer, _ heldOut: HeldOut, _ before: Double, _ share: () -> Double, _ isStopped: () -> Bool,
        _ report: (AdaptationEvent) -> Void
    ) -> [String: (type: TensorType, bytes: [UInt8])]? {
        var now = heldOut.tokensPerRound(trainer.network)
        var (best, bestStep) = (now, 0)
        // The change of the vocabulary alone may help.
        var learnt = vocabulary.isChanged ? trainer.network.parameters.tensors : nil
        let between = min(max(trainer.stepsPerEpoch / 3, 8), 40)
        let begun = share()
        var isFine = true
        func isOver() -> Bool {
            !isFine || isStopped() || share() >= 1 || trainer.steps >= settings.steps ?? .max
                || trainer.steps - bestStep
                    > max(
                        Int(Self.patience.epochs * Double(trainer.stepsPerEpoch)), Self.patience.steps)
        }
        while !isOver() {
            let left = max(1 - (share() - begun) / max(1 - begun, 1e-9), 0)
            let warm = min(Double(trainer.steps + 1) / 10, 1)
            isFine = trainer.step(rate: settings.rate * Float(warm * max(left, 0.1)))
            report(.training(step: trainer.steps, share: min(share(), 1), start: before, now: now, best: best))
            guard isFine, trainer.steps % between == 0 || isOver() else { continue }
            now = heldOut.tokensPerRound(trainer.network)
            guard now > best else { continue }
            (best, bestStep) = (now, trainer.steps)
            learnt = trainer.network.parameters.tensors
        }
        return learnt
    }
}
