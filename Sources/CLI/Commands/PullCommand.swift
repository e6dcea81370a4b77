import ArgumentParser
import Foundation
import Speculate
import SpeculateHub

struct PullCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull", abstract: "Fetch a model from the Hugging Face hub, or what is new of it.",
        discussion: """
            Without a quantization it takes \(Pull.usualQuants.joined(separator: ", else ")), else the only model that there \
            is. All parts of a split model are fetched, and the drafter of the same name if there is one. What was \
            interrupted goes on where it ended; every file is checked by its SHA-256.

            $HF_TOKEN, or the token that the hub's own tools keep, opens repositories that need one; $HF_ENDPOINT names a \
            mirror. Prints the file's path, for -m; -m takes the repository's name too.
            """)

    @Argument(help: ArgumentHelp("The repository, and which quantization of it.", valueName: "owner/name[:quant]"))
    var repository: String

    @Flag(help: "Print one object instead of the path.")
    var json = false

    @Flag(name: [.short, .long], help: "No progress.")
    var quiet = false

    func run() async throws {
        try await reportingErrors {
            let model = try await reportingHub {
                try await ModelFetch.pulled(RepositoryReference(repository), isQuiet: quiet)
            }
            Terminal.print(json ? try ModelReport.json(model) : model.path)
        }
    }
}
