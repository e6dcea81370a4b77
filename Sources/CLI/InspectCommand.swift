import ArgumentParser
import Foundation
import Speculate
import SpeculateShared

struct InspectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Say what a GGUF file is: metadata, tensors, sizes, tokenizer.")

    @Argument(help: "The file.", completion: .file(extensions: ["gguf"]))
    var file: String

    func run() async throws {
        try await reportingErrors {
            do {
                Terminal.print(Inspection(try Checkpoint(path: file)).text)
            } catch {
                throw EngineError(error, path: file)
            }
        }
    }
}
