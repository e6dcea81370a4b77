import ArgumentParser
import CKernels
import Foundation
@testable import SpeculateShared

struct AttentionBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attention",
        abstract: "Attention of 1 to 6 query vectors over one head of a cache, on one core: µs, GMAC/s, GB/s of cache.")

    @Option(parsing: .upToNextOption, help: "Cells of the cache.") var cells: [Int] = [64, 256, 1024, 4096]
    @Option(help: "Timed runs for each figure.") var repeats: Int = 101

    private static let dimension = 64

    func run() throws {
        let kernels = try Kernels()
        print("\(Processor.name), \(kernels.name), one core, head of \(Self.dimension)")
        for count in cells {
            let numbers = (count + Int(SPK_STRETCH) - 1) / Int(SPK_STRETCH) * Int(SPK_STRETCH) * Self.dimension
            let keys = UnsafeMutablePointer<UInt16>.allocate(capacity: numbers)
            let values = UnsafeMutablePointer<UInt16>.allocate(capacity: numbers)
            keys.initialize(repeating: 0x3800, count: numbers)
            values.initialize(repeating: 0x3400, count: numbers)
            defer { [keys, values].forEach { $0.deallocate() } }
            let stride = Self.dimension + Int(SPK_PARTIAL)
            var scores = [Float](repeating: 0, count: Int(SPK_MAX_QUERIES) * Int(SPK_STRETCH))
            let vectors = [Float](repeating: 0.5, count: Int(SPK_MAX_QUERIES) * Self.dimension)
            var results = [Float](repeating: 0, count: 2 * Int(SPK_MAX_QUERIES) * stride)
            for queries in [1, 2, 3, 6] {
                let seconds = vectors.withUnsafeBufferPointer { vectors in
                    results.withUnsafeMutableBufferPointer { results in
                        let lists = [results.baseAddress!, results.baseAddress! + queries * stride].map { results in
                            (0..<queries).map { i in
                                spk_query(
                                    query: vectors.baseAddress! + i * Self.dimension, partial: results + i * stride,
                                    first: 0, prefix: Int32(count), mask: 0)
                            }
                        }
                        return Stopwatch.median(of: repeats) {
                            for begin in Swift.stride(from: 0, to: count, by: Int(SPK_STRETCH)) {
                                var cells = spk_cells(
                                    type: SPK_KV_F16, head_dim: Int32(Self.dimension),
                                    keys: UnsafeMutableRawPointer(keys + begin * Self.dimension)
                                        .assumingMemoryBound(to: UInt8.self),
                                    values: UnsafeMutableRawPointer(values + begin * Self.dimension)
                                        .assumingMemoryBound(to: UInt8.self))
                                kernels.table.pointee.attend(
                                    lists[begin == 0 ? 0 : 1], Int32(queries), 0.125, &cells, Int32(begin),
                                    Int32(min(begin + Int(SPK_STRETCH), count)), nil, &scores)
                                for i in 0..<queries where begin > 0 {
                                    kernels.table.pointee.merge(
                                        lists[1][i].partial, Int32(Self.dimension), 0.125, lists[0][i].partial)
                                }
                            }
                        }
                    }
                }
                let products = Double(2 * queries * count * Self.dimension)
                let bytes = Double(2 * count * Self.dimension * 2)
                print(
                    String(
                        format: "%5d cells, %d queries: %7.2f µs, %4.0f GMAC/s, %4.0f GB/s", count, queries,
                        seconds * 1e6, products / seconds / 1e9, bytes / seconds / 1e9))
            }
        }
    }
}
