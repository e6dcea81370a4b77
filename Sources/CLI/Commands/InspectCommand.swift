import ArgumentParser
import Foundation
import Speculate
import SpeculateShared

struct InspectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Say what a GGUF file is: metadata, tensors, sizes, tokenizer.")

    @Argument(
        help: "The file, or OWNER/NAME[:QUANT] on the hub, fetched if it is not here.",
        completion: .file(extensions: ["gguf"]))
    var file: String

    func run() async throws {
        try await reportingErrors {
            let path = try await ModelFetch.location(of: file)
            do {
                Terminal.print(Inspection(try Checkpoint(path: path)).text)
            } catch {
                throw EngineError(error, path: path)
            }
        }
    }
}
