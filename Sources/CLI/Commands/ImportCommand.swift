import ArgumentParser
import Foundation
import Speculate
import SpeculateHub
import SpeculateImport
import SpeculateShared

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Make a GGUF file of a Hugging Face model's folder.",
        discussion: """
            The folder has config.json, tokenizer.json (or tokenizer.model) and model.safetensors, or several of these with \
            their index, in BF16, F16 or F32; of Llama, Mistral 7B, Qwen2, Qwen3, SmolLM3 and Gemma 3. What cannot be \
            converted is refused by name.

            q8_0 loses next to nothing; q4_1 halves it again, but for the head's matrix, which gets 6 or 8 bits. Vectors stay \
            F32. Prints the file's path, for -m.
            """)

    @Argument(help: ArgumentHelp("The model's folder.", valueName: "folder"), completion: .directory)
    var folder: String

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "The file to write (default: FOLDER's name with the type, as in Qwen3-0.6B-Q8_0.gguf, in the current folder).",
            valueName: "file"),
        completion: .file(extensions: ["gguf"]))
    var output: String?

    @Option(help: ArgumentHelp("How weights are stored: \(Self.types).", valueName: "type"))
    var type = ImportType.q8_0

    @Flag(help: "Replace the file if it exists.")
    var force = false

    @Flag(name: [.short, .long], help: "No progress.")
    var quiet = false

    private static let types = ImportType.allCases.map(\.rawValue).joined(separator: ", ")

    func run() async throws {
        try await reportingErrors {
            let (folder, type, output, force, quiet) = (folder, type, output, force, quiet)
            // Long work does not belong on Swift's cooperative threads.
            let path = try await withCheckedThrowingContinuation { continuation in
                NativeThread.start {
                    continuation.resume(
                        with: Result { try Self.write(folder, type, to: output, isForced: force, isQuiet: quiet) })
                }
            }
            Terminal.print(path)
        }
    }

    private static func write(
        _ folder: String, _ type: ImportType, to output: String?, isForced: Bool, isQuiet: Bool
    ) throws(EngineError) -> String {
        do {
            let model = try ModelImport(folder: folder, type: type)
            let path = output ?? "\(model.name)-\(type.name).gguf"
            guard isForced || !FileManager.default.fileExists(atPath: path) else {
                throw ModelFileError(.usage, "\(path) exists; --force replaces it, --output names another file")
            }
            if model.ignoredTensors > 0, !isQuiet {
                Terminal.log("\(model.ignoredTensors) tensors for images are left out")
            }
            let file = try PendingFile(path: path)
            let progress = FetchProgress(isShown: !isQuiet, verb: "writing")
            let interrupts = Interrupts.shared
            interrupts.onInterrupt {
                file.discard()
                progress.finish()
                Terminal.log("interrupted; nothing is written")
                Foundation.exit(130)
            }
            defer {
                interrupts.onInterrupt(nil)
                progress.finish()
            }
            try model.write(to: file) { progress.show(.advanced(file: path, done: $0, total: model.byteCount)) }
            try file.commit()
            return path
        } catch let error as ModelFileError {
            throw EngineError(error)
        } catch let error as FileError {
            throw EngineError(error.isMissing ? .fileMissing : .runtime, error.description)
        } catch {
            throw EngineError(.runtime, "\(error)")
        }
    }
}

extension ImportType: ExpressibleByArgument {}
