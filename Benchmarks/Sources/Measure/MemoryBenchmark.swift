import ArgumentParser
import CPeak
import Foundation
@testable import SpeculateShared

struct MemoryBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "memory",
        abstract: "GB/s of reading 96 MB, as many as the default model's weights, and doing nothing else.")

    @Option(help: "Threads.") var threads: Int = Processor.physicalCores

    func run() throws {
        let bytes = 96_000_000
        let arena = try! Arena(capacity: bytes, hugePages: true)
        let memory = arena.allocate(bytes: bytes)
        memset(memory, 1, bytes)
        let pool = WorkerPool(count: threads)
        let seconds = Stopwatch.median(of: 101) {
            pool.run { worker in
                let share = worker.share(of: bytes, unit: 4096)
                _ = spk_read(memory + share.lowerBound, UInt64(share.count))
            }
        }
        print(String(format: "%.1f", Double(bytes) / seconds / 1e9))
    }
}
