import Foundation
import Speculate
import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier

/// Improves an engine's drafter on the texts of its completions while it is idle: the Markov head or the selector, which are
/// small and have the most to do with what a user writes about.
///
/// Every text is drafted for before it is learnt, by the original and by what was learnt so far. The engine drafts with the
/// latter only while it is ahead on the last few texts, and once it is behind, learning begins anew.
package final class OnlineLearner: IdleLearner {
    /// Tokens of a text that are read, its last ones, and of them those that are context for the others.
    private static let window = (tokens: 256, context: 64)
    /// The fewest tokens of an answer that are learnt from.
    private static let shortest = 8
    /// Places of a text where blocks begin, at most.
    private static let anchors = 24
    /// Tokens that the verifier reads in a step: as many as cost little more than one.
    private static let tokensPerStep = 16
    /// Texts that wait to be learnt; earlier ones are forgotten.
    private static let waiting = 16
    /// Places learnt from per step: what a text costs is bounded by its length.
    private static let placesPerStep = 8
    /// What is left to do may keep the user waiting so long at the end.
    private static let patience = Duration.seconds(3)

    private let file: Checkpoint
    private let original: BlockDiffusionModel
    private let target: TargetModel
    private let reader: LessonReader
    private let trainer: OnlineTrainer
    private let output: String?
    private let longest: Int

    private var texts: [Passage] = []
    private var reading: LessonReader.Reading?
    private var comparing: (lesson: Lesson, next: Int, original: Double, learnt: Double)?
    private var stepsLeft = 0
    private var record = TrackRecord()
    /// Whether the engine drafts with what was learnt.
    private var isUsed = false

    /// - Parameters:
    ///   - verifier: the engine's, as is `model`: it is used on the engine's thread.
    ///   - path: the drafter's file.
    ///   - verifierPath: the verifier's file.
    ///   - output: where what was learnt is kept at the end; nil: it is forgotten.
    /// - Throws: `EngineError`.
    package init(
        _ verifier: Verifier, _ model: BlockDiffusionModel, drafter path: String, verifier verifierPath: String,
        output: String?
    ) throws(EngineError) {
        self.output = output
        original = model
        target = verifier.target
        longest = min(
            Self.window.tokens, verifier.config.context, model.config.transformer.context - model.config.block)
        var place = output ?? path
        do {
            if let output { _ = try PendingFile(path: output) }  // It can be written.
            place = path
            file = try Checkpoint(path: path)
            guard file.tensor("markov_w1.weight") != nil || model.config.selector != nil else {
                throw EngineError(
                    .invalidRequest,
                    "the drafter \(path) has neither a Markov head nor a selector, expected one: only they learn while nothing is asked"
                )
            }
            place = verifierPath
            let verifierFile = try Checkpoint(path: verifierPath)
            place = path
            reader = try LessonReader(verifier, model, draftTokens: model.draftTokens, longest: longest, seed: 0)
            trainer = try OnlineTrainer(file, model, verifier: verifier, verifierFile: verifierFile)
        } catch { throw EngineError(error, path: place) }
        Products.setThreads(verifier.pool.count)
    }

    package func remember(_ tokens: [Int32], answer first: Int) {
        let dropped = max(tokens.count - longest, 0)
        let begin = max(first - 1 - dropped, dropped > 0 ? min(Self.window.context, longest / 2) : 0)
        let kept = Array(tokens[dropped...])
        guard kept.count - begin > Self.shortest else { return }
        if texts.count == Self.waiting { texts.removeFirst() }
        texts.append(Passage(tokens: kept, first: begin))
    }

    package func work() throws -> IdleProgress {
        if let reading {
            if try !reader.readOn(reading, tokens: Self.tokensPerStep) {
                let stride = (reading.passage.places + Self.anchors - 1) / Self.anchors
                let lesson = reader.lesson(reading, stride: max(stride, 1), keepsCache: false)
                if !lesson.anchors.isEmpty { comparing = (lesson, 0, 0, 0) }
                self.reading = nil
            }
        } else if let comparing {
            let part = trainer.compare(comparing.lesson, from: comparing.next)
            let sums = (original: comparing.original + part.original, learnt: comparing.learnt + part.learnt)
            self.comparing = (comparing.lesson, part.next, sums.original, sums.learnt)
            if part.next == comparing.lesson.anchors.count {
                let blocks = Double(part.next)
                return try note(comparing.lesson, original: sums.original / blocks, learnt: sums.learnt / blocks)
            }
        } else if stepsLeft > 0 {
            stepsLeft -= 1
            if !trainer.step() { return try restart() }
            if stepsLeft == 0, record.isAhead {
                isUsed = true
                return .better(try model())
            }
        } else if !texts.isEmpty {
            reading = try reader.begin(texts.removeFirst())
        } else {
            return .nothing
        }
        return .more
    }

    package func finish() throws(EngineError) -> String? {
        guard let output else { return nil }
        do {
            let start = ContinuousClock.now
            while ContinuousClock.now - start < Self.patience {
                if case .nothing = try work() { break }
            }
            guard record.isAhead, trainer.steps > 0 else {
                return "what was learnt is not better than the drafter, or too little: \(output) is not written"
            }
            let file = try PendingFile(path: output)
            try write(to: file)
            try file.commit()
            return "the drafter with what was learnt is \(output)"
        } catch { throw EngineError(error, path: output) }
    }

    /// What a text says about what was learnt before it; then it is learnt.
    private func note(_ lesson: Lesson, original: Double, learnt: Double) throws -> IdleProgress {
        comparing = nil
        if trainer.steps > 0 { record.append(original: original, learnt: learnt) }
        let progress = record.isBehind ? try restart() : .more
        trainer.learn(from: lesson)
        stepsLeft = (lesson.tokens.count - lesson.first + Self.placesPerStep - 1) / Self.placesPerStep
        return progress
    }

    private func restart() throws -> IdleProgress {
        try trainer.restart()
        record = TrackRecord()
        stepsLeft = 0
        guard isUsed else { return .more }
        isUsed = false
        return .better(original)
    }

    /// What was learnt, as any engine would load it.
    private func model() throws -> BlockDiffusionModel {
        let written = try PendingFile(path: FileManager.default.temporaryDirectory.path + "/speculate.drafter.gguf")
        try write(to: written)
        // It is removed with the last use of it.
        return try withExtendedLifetime(written) {
            let checkpoint = try Checkpoint(path: written.temporary)
            return try BlockDiffusionModel(checkpoint, try DrafterConfig(checkpoint), for: target)
        }
    }

    private func write(to written: PendingFile) throws {
        try AdaptedFile(original: file).write(trainer.tensors, to: written)
    }
}
