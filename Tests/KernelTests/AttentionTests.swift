import CKernels
import Foundation
import SpeculateShared
import Testing
import TestSupport

@Suite struct AttentionTests {
    private static let dimension = 64
    private static let capacity = 1200

    /// One head's cache with random keys and values, and the rounded numbers in it.
    private struct Head {
        var keys: [UInt16]
        var values: [UInt16]
        var keyFloats: [[Float]]
        var valueFloats: [[Float]]

        init(_ kernels: Kernels) {
            var rng = SplitMix(1)
            keys = [UInt16](repeating: 0, count: capacity * dimension)
            values = keys
            keyFloats = []
            valueFloats = []
            for cell in 0..<capacity {
                let key = rng.floats(dimension)
                let value = rng.floats(dimension)
                kernels.table.pointee.store_key(key, Int32(dimension), Int32(cell), &keys)
                kernels.table.pointee.store_value(value, Int32(dimension), Int32(cell), &values)
                keyFloats.append(key.map { spk_f16_to_f32(spk_f32_to_f16($0)) })
                valueFloats.append(value.map { spk_f16_to_f32(spk_f32_to_f16($0)) })
            }
        }
    }

    private func attend(
        _ kernels: Kernels, _ head: Head, _ queries: [[Float]], _ prefixes: [Int32], _ masks: [UInt64],
        firsts: [Int32]? = nil
    ) -> [[Float]] {
        let firsts = firsts ?? queries.map { _ in 0 }
        let stride = Self.dimension + Int(SPK_PARTIAL)
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
                            query: flat.baseAddress! + i * Self.dimension,
                            partial: (begin == 0 ? whole : part) + i * stride,
                            first: firsts[i], prefix: prefixes[i], mask: masks[i])
                    }
                    kernels.table.pointee.attend(
                        list, Int32(list.count), Int32(Self.dimension), 0.125, head.keys, head.values, Int32(begin),
                        Int32(min(begin + Int(SPK_STRETCH), end)), &scores)
                    for i in queries.indices where begin > 0 {
                        kernels.table.pointee.merge(
                            part + i * stride, Int32(Self.dimension), 0.125, whole + i * stride)
                    }
                }
                return queries.indices.map { i in
                    var output = [Float](repeating: 0, count: Self.dimension)
                    kernels.table.pointee.finish(whole + i * stride, Int32(Self.dimension), &output)
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
            zip(query, head.keyFloats[cell]).reduce(0.0) { $0 + Double($1.0) * Double($1.1) } * 0.125
        }
        let greatest = scores.max()!
        let weights = scores.map { exp($0 - greatest) }
        let total = weights.reduce(0, +)
        return (0..<Self.dimension).map { d in
            zip(cells, weights).reduce(0.0) { $0 + Double(head.valueFloats[$1.0][d]) * $1.1 } / total
        }
    }

    @Test(
        "attention is the naive softmax mean, for any number of queries, cells and masks, with the same bits everywhere"
    )
    func attention() {
        var rng = SplitMix(2)
        let heads = Kernels.available.map { Head($0) }
        for head in heads {
            #expect(head.keys == heads[0].keys)
            #expect(head.values == heads[0].values)
        }
        for count in 1...Int(SPK_MAX_QUERIES) {
            for most in [90, 90, 90, 1100, 1100, 1100] as [Int32] {
                let queries = (0..<count).map { _ in rng.floats(Self.dimension, in: -3...3) }
                let prefixes = (0..<count).map { _ in Int32.random(in: 1...most, using: &rng) }
                let firsts = prefixes.map { Bool.random(using: &rng) ? 0 : Int32.random(in: 0..<$0, using: &rng) }
                let masks = (0..<count).map { _ in
                    Bool.random(using: &rng) ? 0 : UInt64.random(in: 0...UInt64.max, using: &rng)
                }
                let expected = attend(Kernels.available[0], heads[0], queries, prefixes, masks, firsts: firsts)
                for i in 0..<count {
                    let naive = naive(heads[0], queries[i], firsts[i], prefixes[i], masks[i])
                    for d in 0..<Self.dimension { #expect(abs(Double(expected[i][d]) - naive[d]) < 2e-6) }
                    // Alone, a query gets the bits that it gets in company.
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

    @Test("what a query does not see changes no bit of its output, not even infinite or missing numbers")
    func unseen() {
        var rng = SplitMix(3)
        for kernels in Kernels.available {
            var head = Head(kernels)
            let query = rng.floats(Self.dimension)
            let before = attend(kernels, head, [query], [20], [0b101])
            for (cell, value) in [(21, Float.infinity), (23, .nan), (24, -.infinity)] {
                let vector = [Float](repeating: value, count: Self.dimension)
                kernels.table.pointee.store_key(vector, Int32(Self.dimension), Int32(cell), &head.keys)
                kernels.table.pointee.store_value(vector, Int32(Self.dimension), Int32(cell), &head.values)
            }
            #expect(attend(kernels, head, [query], [20], [0b101]) == before)
        }
    }
}
