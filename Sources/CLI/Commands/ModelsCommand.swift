import ArgumentParser
import Speculate
import SpeculateHub

struct ModelsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "models", abstract: "List the models that were fetched, or remove some.",
        subcommands: [List.self, Remove.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the models that were fetched (the default).")

        @Flag(help: "Print one object.")
        var json = false

        func run() async throws {
            try await reportingErrors {
                let store = ModelStore()
                let models = store.models()
                if json {
                    Terminal.print(try ModelReport.json(models, in: store))
                } else if models.isEmpty {
                    Terminal.log("no models in \(store.root); 'speculate pull OWNER/NAME' fetches one")
                } else {
                    Terminal.print(
                        ModelReport.text(models, columns: Terminal.outputIsTerminal ? Terminal.size.columns : 1000))
                }
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove", abstract: "Delete models that were fetched, with their drafters.")

        @Argument(
            help: ArgumentHelp(
                "As they are listed; OWNER/NAME removes all of a repository.", valueName: "owner/name[:quant]"))
        var names: [String]

        @Flag(help: "Print one object.")
        var json = false

        func run() async throws {
            try await reportingErrors {
                let store = ModelStore()
                for name in names {
                    let removal = try await reportingHub { try store.remove(name) }
                    store.removeEmptyFolders()
                    if json {
                        Terminal.print(try ModelReport.json(removal))
                    } else {
                        Terminal.log(ModelReport.text(removal))
                    }
                }
            }
        }
    }
}
