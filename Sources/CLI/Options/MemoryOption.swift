import ArgumentParser
import Speculate

/// Where the texts of requests are kept for drafts.
struct MemoryOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Keep the texts of requests in this file: later ones that resemble them are drafted from it.",
            discussion:
                "The file is made where there is none, for its owner alone. Processes that use it at once keep each other's.",
            valueName: "file"), completion: .file())
    var memory: String?

    func validate() throws {
        if memory == "" { throw ValidationError("--memory is empty, expected a file") }
    }

    func adjust(_ configuration: inout EngineConfiguration) { configuration.textMemoryFile = memory }
}
