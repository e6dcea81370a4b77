import ArgumentParser
import Foundation
@testable import SpeculateShared
@testable import SpeculateVerifier

struct PassBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pass", abstract: "T(k): one pass of k rows, each with logits, at several depths of context.")

    @Argument(help: "The GGUF file.") var model: String
    @Option(help: "Threads.") var threads: Int = Processor.physicalCores
    @Option(parsing: .upToNextOption, help: "Rows of a pass.") var rows: [Int] = [1, 2, 3, 4, 5, 6, 8, 9, 12, 16, 32]
    @Option(parsing: .upToNextOption, help: "Tokens in the cache.") var depths: [Int] = [0, 1024, 4096]
    @Option(help: "Timed passes for each figure.") var repeats: Int = 40
    @Flag(help: "JSON in place of a table.") var json = false

    struct Result: Codable {
        let processor, kernels: String
        let threads: Int
        let megabytes: Int
        var milliseconds: [String: [String: Double]]  // depth → rows → median
        var prefill512TokensPerSecond: Double
    }

    func run() throws {
        let checkpoint = try Checkpoint(path: model)
        let verifier = try Verifier(checkpoint, kernels: Kernels(), pool: WorkerPool(count: threads))
        var result = Result(
            processor: Processor.name, kernels: verifier.kernels.name, threads: threads,
            megabytes: checkpoint.byteCount / 1_000_000, milliseconds: [:],
            prefill512TokensPerSecond: 0)
        let batch = RowBatch(capacity: 512)
        let cache = try! verifier.makeCache()
        func pass(_ count: Int, after depth: Int, _ logits: RowBatch.LogitRows) {
            cache.rollback(to: depth)
            batch.removeAll()
            batch.append((0..<count).map { Int32(1000 + 7 * $0) }, to: cache, logits: logits)
            verifier.forward(batch)
        }
        for depth in depths {
            cache.rollback(to: 0)
            while cache.count < depth { pass(min(512, depth - cache.count), after: cache.count, .none) }
            // Sizes take turns, so that a slow moment of the machine hits all alike.
            var times = [[Double]](repeating: [], count: rows.count)
            for _ in 0..<repeats {
                for (index, count) in rows.enumerated() {
                    pass(count, after: depth, .all)
                    let start = ContinuousClock.now
                    pass(count, after: depth, .all)
                    times[index].append((ContinuousClock.now - start) / .milliseconds(1))
                }
            }
            result.milliseconds["\(depth)"] = Dictionary(
                uniqueKeysWithValues: zip(rows, times).map { ("\($0)", $1.sorted()[$1.count / 2]) })
        }
        result.prefill512TokensPerSecond = 512 / Stopwatch.median(of: 7) { pass(512, after: 0, .last) }
        json ? try printJSON(result) : printTable(result)
    }

    private func printJSON(_ result: Result) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        print(String(decoding: try encoder.encode(result), as: UTF8.self))
    }

    private func printTable(_ result: Result) {
        print("\(result.processor), \(result.kernels), \(threads) threads; ms per pass, and over one row's")
        func cells(_ values: [String]) -> String {
            values.map { String(repeating: " ", count: max(1, 9 - $0.count)) + $0 }.joined()
        }
        print(cells(["rows"] + rows.map { "\($0)" }))
        for depth in depths {
            let times = rows.map { result.milliseconds["\(depth)"]!["\($0)"]! }
            print(cells(["at \(depth)"] + times.map { String(format: "%.2f", $0) }))
            print(cells([""] + times.map { String(format: "×%.2f", $0 / times[0]) }))
        }
        print("prefill of 512 tokens: \(Int(result.prefill512TokensPerSecond)) tokens/s")
        if let one = result.milliseconds["0"]?["1"] {
            print("one row reads the file's \(result.megabytes) MB at \(Int(Double(result.megabytes) / one)) GB/s")
        }
    }
}
