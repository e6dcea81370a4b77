import ArgumentParser
import Foundation
@testable import SpeculateShared
@testable import SpeculateVerifier

struct CacheBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cache",
        abstract:
            "Formats of the KV cache: what each makes of a text's likelihood, and how long a pass takes behind it.")

    @Argument(help: "The GGUF file.") var model: String
    @Argument(help: "The text, read from its beginning as far as the context goes.") var text: String
    @Option(help: "Threads.") var threads: Int = Processor.physicalCores
    @Option(help: "Tokens of the text at most.") var tokens: Int = 4096
    @Option(help: "Timed passes.") var repeats: Int = 40

    /// What a format makes of the text.
    private struct Reading {
        var nats: [Double] = []  // of each token but the first
        var likeliest: [Int32?] = []
        var milliseconds = 0.0
        var bytes = 0
    }

    func run() throws {
        let verifier = try Verifier(Checkpoint(path: model), kernels: Kernels(), pool: WorkerPool(count: threads))
        let limit = min(tokens, verifier.config.context - 1)
        let text = Array(verifier.tokenizer.encode(Array(try Data(contentsOf: URL(filePath: text)))).prefix(limit))
        print("\(Processor.name), \(verifier.kernels.name), \(threads) threads; \(text.count) tokens")
        let readings = try [KVCacheFormat.f16, .q8].map { format in
            try read(
                text,
                Verifier(
                    verifier.family, verifier.config, verifier.weights, verifier.tokenizer, taps: [],
                    cacheFormat: format,
                    kernels: verifier.kernels, pool: WorkerPool(count: threads)))
        }
        for (name, reading) in zip(["f16", "q8"], readings) {
            let same = zip(reading.likeliest, readings[0].likeliest).filter { $0 == $1 }.count
            print(
                String(
                    format:
                        "%3@: %.4f nats a token, likeliest token as with f16 %.2f %%, pass of one row %.2f ms, %.1f MB",
                    name as NSString, reading.nats.reduce(0, +) / Double(reading.nats.count),
                    100 * Double(same) / Double(reading.likeliest.count), reading.milliseconds,
                    Double(reading.bytes) / 1e6))
        }
        let differences = zip(readings[0].nats, readings[1].nats).map { $1 - $0 }
        let mean = differences.reduce(0, +) / Double(differences.count)
        let variance = differences.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(differences.count - 1)
        print(
            String(
                format: "q8 costs %+.5f ± %.5f nats a token", mean,
                1.96 * (variance / Double(differences.count)).squareRoot()))
    }

    private func read(_ text: [Int32], _ verifier: Verifier) throws -> Reading {
        var reading = Reading()
        let cache = try verifier.makeCache()
        let batch = RowBatch(capacity: 64)
        while cache.count < text.count {
            let start = cache.count
            batch.removeAll()
            batch.append(text[start..<min(start + 64, text.count)], to: cache, logits: .all)
            let pass = verifier.forward(batch)
            for row in 0..<batch.rowCount {
                let logits = UnsafeBufferPointer(start: pass.logits(row), count: verifier.config.vocabulary)
                reading.likeliest.append(pass.likeliest(row))
                guard start + row + 1 < text.count else { continue }
                let greatest = Double(logits.max()!)
                let total = logits.reduce(0.0) { $0 + exp(Double($1) - greatest) }
                reading.nats.append(log(total) + greatest - Double(logits[Int(text[start + row + 1])]))
            }
        }
        reading.bytes = cache.bytes
        reading.milliseconds =
            1e3
            * Stopwatch.median(of: repeats) {
                cache.rollback(to: text.count)
                batch.removeAll()
                batch.append([text[0]], to: cache, logits: .all)
                verifier.forward(batch)
            }
        return reading
    }
}
