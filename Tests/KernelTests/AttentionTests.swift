import CKernels
import Foundation
import SpeculateShared
import Testing
import TestSupport

@Suite struct AttentionTests {
    private static let capacity = 1200

    /// One head's cache with random keys and values, and their rounded values.
    private final class Head {
        let format: spk_kv_type
        let dimension: Int
        private(set) var keys: [[Float]] = []
        private(set) var values: [[Float]] = []
        private let arena: Arena
        private let memory: UnsafeMutablePointer<UInt8>  // [stretches][keys, values]
        private let bytes: Int
        private let headBytes: Int

        init(_ kernels: Kernels, _ format: spk_kv_type, dimension: Int) {
            self.format = format
            self.dimension = dimension
            headBytes = spk_kv_run_bytes(format, Int32(dimension)) * Int(SPK_STRETCH) / 16
            bytes = (capacity / Int(SPK_STRETCH) + 1) * 2 * headBytes
            arena = try! Arena(capacity: bytes)
            memory = arena.allocate(count: bytes)
            var rng = SplitMix(1)
            for cell in 0..<capacity {
                // Each group of 32 has its own magnitude.
                let (key, value) = (rng.floats(dimension), rng.floats(dimension))
                let sizes = (0..<dimension / 16).map { _ in Float.random(in: 0.01...1, using: &rng) }
                let scaled = { (x: [Float]) in x.indices.map { x[$0] * sizes[$0 / 32] } }
                store(scaled(key), scaled(value), cell, kernels)
                keys.append(rounded(scaled(key)))
                values.append(rounded(scaled(value)))
            }
        }

        func store(_ key: [Float], _ value: [Float], _ cell: Int, _ kernels: Kernels) {
            var cells = cells(at: cell)
            kernels.table.pointee.store_key(key, &cells, Int32(cell % Int(SPK_STRETCH)))
            kernels.table.pointee.store_value(value, &cells, Int32(cell % Int(SPK_STRETCH)))
        }

        func cells(at cell: Int) -> spk_cells {
            let keys = memory + cell / Int(SPK_STRETCH) * 2 * headBytes
            return spk_cells(type: format, head_dim: Int32(dimension), keys: keys, values: keys + headBytes)
        }

        func copyCell(_ source: Int, to target: Int) {
            var (from, to) = (cells(at: source), cells(at: target))
            spk_copy_cell(&from, Int32(source % Int(SPK_STRETCH)), &to, Int32(target % Int(SPK_STRETCH)))
            (keys[target], values[target]) = (keys[source], values[source])
        }

        var allBytes: [UInt8] { Array(UnsafeBufferPointer(start: memory, count: bytes)) }

        /// A vector as a cell stores it.
        private func rounded(_ x: [Float]) -> [Float] {
            guard format == SPK_KV_Q8 else { return x.map { spk_f16_to_f32(spk_f32_to_f16($0)) } }
            return stride(from: 0, to: x.count, by: 32).flatMap { first -> [Float] in
                let group = x[first..<min(first + 32, x.count)]
                let scale = spk_f16_to_f32(spk_f32_to_f16(group.map { abs($0) }.max()! * (1 / 127)))
                return group.map { scale * min(max(($0 * (1 / scale)).rounded(.toNearestOrEven), -127), 127) }
            }
        }
    }

    private func attend(
        _ kernels: Kernels, _ head: Head, _ queries: [[Float]], _ prefixes: [Int32], _ masks: [UInt64],
        firsts: [Int32]? = nil
    ) -> [[Float]] {
        let firsts = firsts ?? queries.map { _ in 0 }
        let stride = head.dimension + Int(SPK_PARTIAL)
        var scores = [Float](repeating: 0, count: queries.count * Int(SPK_STRETCH))
        var results = [Float](repeating: .nan, count: 2 * queries.count * stride)
        let end = zip(prefixes, masks).map { Int($0) + 64 - $1.leadingZeroBitCount }.max()!
        let flat = queries.flatMap { $0 }
        return flat.withUnsafeBufferPointer { flat in
            results.withUnsafeMutableBufferPointer { results in
                let (whole, part) = (results.baseAddress!, results.baseAddress! + queries.count * stride)
                for begin in Swift.stride(from: 0, to: end, by: Int(SPK_STRETCH)) {
                    let list = queries.indices.map { i in
                        spk_query(
                            query: flat.baseAddress! + i * head.dimension,
                            partial: (begin == 0 ? whole : part) + i * stride,
                            first: firsts[i], prefix: prefixes[i], mask: masks[i])
                    }
                    var cells = head.cells(at: begin)
                    kernels.table.pointee.attend(
                        list, Int32(list.count), 0.125, &cells, Int32(begin),
                        Int32(min(begin + Int(SPK_STRETCH), end)), nil, &scores)
                    for i in queries.indices where begin > 0 {
                        kernels.table.pointee.merge(
                            part + i * stride, Int32(head.dimension), 0.125, whole + i * stride)
                    }
                }
                return queries.indices.map { i in
                    var output = [Float](repeating: 0, count: head.dimension)
                    kernels.table.pointee.finish(whole + i * stride, Int32(head.dimension), &output)
                    return output
                }
            }
        }
    }

    private func naive(
        _ head: Head, _ query: [Float], _ first: Int32, _ prefix: Int32, _ mask: UInt64
    ) -> [Double] {
        let cells =
            Array(Int(first)..<Int(prefix)) + (0..<64).filter { mask >> UInt64($0) & 1 == 1 }.map { Int(prefix) + $0 }
        let scores = cells.map { cell in
            zip(query, head.keys[cell]).reduce(0.0) { $0 + Double($1.0) * Double($1.1) } * 0.125
        }
        let greatest = scores.max()!
        let weights = scores.map { exp($0 - greatest) }
        let total = weights.reduce(0, +)
        return (0..<head.dimension).map { d in
            zip(cells, weights).reduce(0.0) { $0 + Double(head.values[$1.0][d]) * $1.1 } / total
        }
    }

    @Test(
        """
        attention is the naive softmax mean, for any number of queries, cells and masks, with the same bits everywhere
        """, arguments: [SPK_KV_F16, SPK_KV_Q8], [64, 80, 128])
    func attention(_ format: spk_kv_type, dimension: Int) {
        var rng = SplitMix(2)
        let heads = Kernels.available.map { Head($0, format, dimension: dimension) }
        for head in heads { #expect(head.allBytes == heads[0].allBytes) }
        for count in 1...Int(SPK_MAX_QUERIES) {
            for most in [90, 90, 1100, 1100] as [Int32] {
                let queries = (0..<count).map { _ in rng.floats(dimension, in: -3...3) }
                let prefixes = (0..<count).map { _ in Int32.random(in: 1...most, using: &rng) }
                let firsts = prefixes.map { Bool.random(using: &rng) ? 0 : Int32.random(in: 0..<$0, using: &rng) }
                let masks = (0..<count).map { _ in
                    Bool.random(using: &rng) ? 0 : UInt64.random(in: 0...UInt64.max, using: &rng)
                }
                let expected = attend(Kernels.available[0], heads[0], queries, prefixes, masks, firsts: firsts)
                for i in 0..<count {
                    let naive = naive(heads[0], queries[i], firsts[i], prefixes[i], masks[i])
                    for d in 0..<dimension { #expect(abs(Double(expected[i][d]) - naive[d]) < 2e-6) }
                    // A query alone gets the same bits as among others.
                    #expect(
                        attend(
                            Kernels.available[0], heads[0], [queries[i]], [prefixes[i]], [masks[i]],
                            firsts: [firsts[i]])[0] == expected[i])
                }
                for (kernels, head) in zip(Kernels.available, heads) {
                    #expect(
                        attend(kernels, head, queries, prefixes, masks, firsts: firsts) == expected,
                        "\(kernels.name), \(count) queries")
                }
            }
        }
    }

    @Test(
        "what a query does not see changes no bit of its output, not even infinite or missing numbers",
        arguments: [SPK_KV_F16, SPK_KV_Q8])
    func unseen(_ format: spk_kv_type) {
        var rng = SplitMix(3)
        for kernels in Kernels.available {
            let head = Head(kernels, format, dimension: 64)
            let query = rng.floats(64)
            let before = attend(kernels, head, [query], [20], [0b101])
            for (cell, value) in [(21, Float.infinity), (23, .nan), (24, -.infinity)] {
                let vector = [Float](repeating: value, count: 64)
                head.store(vector, vector, cell, kernels)
            }
            #expect(attend(kernels, head, [query], [20], [0b101]) == before)
        }
    }

    @Test("a copied cell holds what the other does", arguments: [SPK_KV_F16, SPK_KV_Q8], [64, 80])
    func copied(_ format: spk_kv_type, dimension: Int) {
        var rng = SplitMix(4)
        let kernels = Kernels.available[0]
        let head = Head(kernels, format, dimension: dimension)
        for (source, target) in [(7, 3), (600, 5), (1199, 700), (40, 41)] { head.copyCell(source, to: target) }
        let query = rng.floats(dimension, in: -3...3)
        let naive = naive(head, query, 0, 1200, 0)
        for (result, expected) in zip(attend(kernels, head, [query], [1200], [0])[0], naive) {
            #expect(abs(Double(result) - expected) < 2e-6)
        }
    }
}
