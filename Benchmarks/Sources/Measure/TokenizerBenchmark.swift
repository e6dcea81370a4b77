import ArgumentParser
import Foundation
@testable import SpeculateShared

struct TokenizerBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenizer", abstract: "Load time of the vocabulary, and encoding speed on one core.")

    @Argument(help: "The GGUF file.") var model: String
    @Argument(help: "Text files to encode.") var texts: [String]

    func run() throws {
        let checkpoint = try Checkpoint(path: model)
        let load = try Stopwatch.median(of: 7) { _ = try Tokenizer(checkpoint.metadata) }
        print("\(Processor.name)\nloading the vocabulary: \(String(format: "%.1f", load * 1e3)) ms")
        let tokenizer = try Tokenizer(checkpoint.metadata)
        for path in texts {
            let text = [UInt8](try Data(contentsOf: URL(filePath: path)))
            var tokens = 0
            let seconds = Stopwatch.median(of: 7) { tokens = tokenizer.encode(text).count }
            let speed = String(format: "%.1f", Double(text.count) / 1e6 / seconds)
            print("\(path): \(text.count) bytes, \(tokens) tokens, \(speed) MB/s")
        }
    }
}
