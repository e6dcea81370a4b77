import ArgumentParser
import Speculate
import SpeculateAdaptation

/// Whether the drafter learns from what is asked.
struct LearnOptions: ParsableArguments {
    @Flag(help: "Improve the drafter on what is asked, while nothing is asked; forgotten at the end.")
    var learn = false

    @Option(
        help: ArgumentHelp(
            "The same, and keep the drafter in this file at the end if it is better.",
            discussion: "For --drafter. A file of that name is replaced.", valueName: "file"),
        completion: .file(extensions: ["gguf"]))
    var learnTo: String?

    func validate() throws {
        if learnTo == "" { throw ValidationError("--learn-to is empty, expected a file") }
    }

    var isOn: Bool { learn || learnTo != nil }

    func adjust(_ configuration: inout EngineConfiguration) {
        guard isOn else { return }
        configuration.learner = { [learnTo] verifier, model, drafter, path in
            try OnlineLearner(verifier, model, drafter: drafter, verifier: path, output: learnTo)
        }
    }
}
