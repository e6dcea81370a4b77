import ArgumentParser
import Foundation
@testable import SpeculateShared
@testable import SpeculateVerifier

struct HeadBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "head",
        abstract: "Passes over a text, k rows at a time: all logits and their greatest, or the likeliest tokens alone.")

    @Argument(help: "The GGUF file.") var model: String
    @Argument(help: "The text.") var text: String
    @Option(help: "Threads.") var threads: Int = Processor.physicalCores
    @Option(parsing: .upToNextOption, help: "Rows of a pass.") var rows: [Int] = [1, 2, 3, 4, 5, 6, 7, 8]
    @Option(help: "Timed passes for each figure.") var repeats: Int = 100

    func run() throws {
        let verifier = try Verifier(Checkpoint(path: model), kernels: Kernels(), pool: WorkerPool(count: threads))
        let tokens = verifier.tokenizer.encode(Array(try Data(contentsOf: URL(filePath: text))))
        let cache = try! verifier.makeCache()
        let batch = RowBatch(capacity: 512)
        func pass(_ rows: ArraySlice<Int32>, _ logits: RowBatch.LogitRows) -> PassResult {
            batch.removeAll()
            batch.append(rows, to: cache, logits: logits)
            return verifier.forward(batch)
        }
        print("\(Processor.name), \(verifier.kernels.name), \(threads) threads; ms per pass, half of its rows judged")
        for count in rows {
            cache.rollback(to: 0)
            _ = pass(tokens[..<64], .none)
            var times = (all: [Double](), likeliest: [Double]())
            for start in 64..<64 + repeats {
                func time(_ logits: RowBatch.LogitRows) -> (Double, [Int32?]) {
                    cache.rollback(to: start)
                    let begin = ContinuousClock.now
                    let result = pass(tokens[start..<start + count], logits)
                    let judged = (0..<(count + 1) / 2).map { result.likeliest($0) }
                    return ((ContinuousClock.now - begin) / .milliseconds(1), judged)
                }
                _ = time(.all)
                let all = time(.all)
                _ = time(.likeliest)
                let likeliest = time(.likeliest)
                precondition(all.1 == likeliest.1)
                times.all.append(all.0)
                times.likeliest.append(likeliest.0)
            }
            func median(_ times: [Double]) -> Double { times.sorted()[times.count / 2] }
            let ratio = zip(times.all, times.likeliest).map { $1 / $0 }
            print(
                String(
                    format: "%2d rows: all logits %.3f, likeliest %.3f, ratio %.3f", count, median(times.all),
                    median(times.likeliest), median(ratio)))
        }
    }
}
