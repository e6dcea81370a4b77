import CKernels
import Foundation
import SpeculateShared
import Testing
import TestSupport

@Suite struct VectorKernelTests {
    private let portable = Kernels.available[0]

    @Test(
        "quantised activations are the nearest of 255 steps, and their sums are right",
        arguments: [
            [SPK_Q4_1, SPK_Q8_0, SPK_TOP6, SPK_F16],
            [SPK_Q4_1, SPK_Q8_0, SPK_TOP6, SPK_F16, SPK_Q2_K, SPK_Q4_K, SPK_TOP5],
        ])
    func quantize(readers: [spk_tensor_type]) {
        var rng = SplitMix(1)
        let inputs = 512
        let span = readers.contains(SPK_Q4_K) ? 256 : 32
        var x = rng.floats(4 * inputs, in: -5...5)
        for i in inputs..<inputs + span { x[i] = 0 }
        let reference = Activations(x, inputs: inputs, readers: readers, kernels: portable)
        let a = reference.pointers
        #expect(a.span == span)
        for row in 0..<4 {
            for group in 0..<inputs / 32 {
                let shared = row * inputs + group * 32 / span * span
                let greatest = x[shared..<shared + span].map(abs).max()!
                var sums = [0, 0]
                var rise = 0
                var halfRises = [0, 0, 0, 0]
                for column in group * 32..<(group + 1) * 32 {
                    #expect(abs(reference.rounded(row, column) - x[row * inputs + column]) <= greatest / 127 * 0.5001)
                    let q = Int(a.q[reference.slot(row, column) * 32 + column % 32])
                    sums[column % 32 / 16] += q
                    rise += 3 * max(q, 0)
                    halfRises[column % 32 / 16 * 2] += 4 * max(q, 0)
                    halfRises[column % 32 / 16 * 2 + 1] += 4 * min(q, 0)
                }
                let slot = reference.slot(row, group * 32)
                #expect(a.offset[slot] == -128 * Int32(sums[0] + sums[1]))
                #expect(a.sum[slot] == a.scale[slot] * Float(sums[0] + sums[1]))
                #expect(a.rise[slot] == rise)
                guard span == 256 else { continue }
                #expect((0..<2).map { Int(a.half_offset[2 * slot + $0]) } == sums.map { -128 * $0 })
                #expect((0..<4).map { Int(a.half_rise[4 * slot + $0]) } == halfRises)
                let halves = a.half_sums[slot]
                #expect([(halves << 16) >> 16, halves >> 16].map(Int.init) == sums)
                let pair = a.pair_sums[reference.slot(row, group / 2 * 64)]
                #expect(Int(group % 2 == 0 ? (pair << 16) >> 16 : pair >> 16) == sums[0] + sums[1])
            }
        }
        for kernels in Kernels.available {
            let same = Activations(x, inputs: inputs, readers: readers, kernels: kernels)
            #expect(same.allBytes == reference.allBytes, "\(kernels.name)")
        }
    }

    @Test("one number that is not finite, in any column, makes its scale's numbers not finite", arguments: [32, 256])
    func quantizeNotFinite(span: Int) {
        var rng = SplitMix(5)
        let x = rng.floats(512)
        let readers = span == 256 ? [SPK_Q4_K] : [SPK_Q4_1]
        for kernels in Kernels.available {
            for column in 0..<512 {
                for value in [Float.nan, -.nan, .infinity, -.infinity] {
                    var x = x
                    x[column] = value
                    let out = Activations(x, inputs: 512, readers: readers, kernels: kernels)
                    for other in stride(from: 0, to: 512, by: 32) {
                        let isShared = other / span == column / span
                        #expect(out.pointers.scale[out.slot(0, other)].isFinite != isShared)
                    }
                }
            }
        }
    }

    @Test("RMS norm divides by the root of the mean square")
    func rmsNorm() {
        var rng = SplitMix(2)
        let x = rng.floats(576, in: -4...4)
        let weight = rng.floats(576)
        let mean = x.reduce(0.0) { $0 + Double($1) * Double($1) } / 576
        for kernels in Kernels.available {
            var y = [Float](repeating: 0, count: 576)
            kernels.table.pointee.rms_norm(x, weight, 576, 1e-5, &y)
            for i in 0..<576 {
                #expect(abs(Double(y[i]) - Double(x[i]) / (mean + 1e-5).squareRoot() * Double(weight[i])) < 1e-5)
            }
            var expected = y
            portable.table.pointee.rms_norm(x, weight, 576, 1e-5, &expected)
            #expect(y == expected)
        }
    }

    @Test("a gate is silu(gate) · up, or gelu(gate) · up in its tanh form", arguments: [SPK_SILU, SPK_GELU])
    func gates(kind: spk_gate) {
        func activated(_ x: Double) -> Double {
            kind == SPK_SILU
                ? x / (1 + exp(-x)) : x / 2 * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
        }
        var rng = SplitMix(3)
        let gate = rng.floats(64, in: -20...20)
        let up = rng.floats(64)
        var outputs: [[Float]] = []
        for kernels in Kernels.available {
            let out = Activations(
                [Float](repeating: 0, count: 64), inputs: 64, readers: [SPK_Q8_0, SPK_F32], kernels: kernels)
            var g = gate
            withUnsafePointer(to: out.pointers) { kernels.table.pointee.gate_quantize(kind, &g, up, 0, 64, 0, $0) }
            for i in 0..<64 {
                let expected = activated(Double(gate[i])) * Double(up[i])
                #expect(abs(Double(g[i]) - expected) <= 1e-5 * max(1, abs(expected)))
                #expect(out.pointers.values[i] == g[i])
            }
            outputs.append(g)
        }
        #expect(outputs.allSatisfy { $0 == outputs[0] })
    }

    @Test("rope turns each pair by its angle, neighbours or halves", arguments: [true, false])
    func rope(interleaved: Bool) {
        var rng = SplitMix(4)
        let head = rng.floats(64)
        let angles = (0..<24).map { Double($0) * 0.3 }
        let cosine = angles.map { Float(cos($0)) }
        let sine = angles.map { Float(sin($0)) }
        for kernels in Kernels.available {
            var turned = head
            kernels.table.pointee.rope(&turned, 48, cosine, sine, interleaved)
            for i in 0..<24 {
                let (a, b) = interleaved ? (2 * i, 2 * i + 1) : (i, i + 24)
                #expect(abs(turned[a] - (head[a] * cosine[i] - head[b] * sine[i])) < 1e-6)
                #expect(abs(turned[b] - (head[a] * sine[i] + head[b] * cosine[i])) < 1e-6)
            }
            #expect(Array(turned[48...]) == Array(head[48...]))
            var expected = head
            portable.table.pointee.rope(&expected, 48, cosine, sine, interleaved)
            #expect(turned == expected)
        }
    }

    @Test("argmax is the first of the greatest, whatever the length", arguments: [1, 15, 16, 17, 33, 1000])
    func argmax(count: Int) {
        var rng = SplitMix(5)
        for kernels in Kernels.available {
            for _ in 0..<50 {
                let x = (0..<count).map { _ in Float(Int.random(in: -20...20, using: &rng)) }
                #expect(kernels.table.pointee.argmax(x, Int32(count)) == Int32(x.firstIndex(of: x.max()!)!))
            }
            #expect(kernels.table.pointee.argmax([.nan, -.infinity, -3, .nan], 4) == 2)
        }
    }

    @Test("panels that reach a threshold are those with a value that is not below it")
    func reaching() {
        var rng = SplitMix(11)
        var x = rng.floats(50 * 16, in: -1...1)
        x[40 * 16 + 3] = .nan
        x[41 * 16 + 15] = .infinity
        x[42 * 16] = 0.9
        for threshold in [-2, 0.9, 0.97, 2, Float.infinity] {
            let expected = (7..<50).filter { panel in
                (0..<16).contains { !(x[panel * 16 + $0] < threshold) }
            }
            for kernels in Kernels.available {
                var panels = [Int32](repeating: -1, count: 50)
                let count = kernels.table.pointee.panels_reaching(x, threshold, 7, 50, &panels)
                #expect(panels[..<Int(count)].map(Int.init) == expected)
            }
        }
    }

    @Test("exponentials are within 2 ulp of the mathematical ones and sum by blocks")
    func exponentials() {
        var rng = SplitMix(6)
        let count = 1000
        var x = rng.floats(count, in: -90...0)
        x[7] = -.infinity
        var outputs: [[Float]] = []
        for kernels in Kernels.available {
            var weights = [Float](repeating: 0, count: count)
            var sums = [Float](repeating: 0, count: 4)
            kernels.table.pointee.exponentials(x, Int32(count), 0, 1, &weights, &sums)
            for i in 0..<count {
                let expected = exp(Double(x[i]))
                #expect(expected < 1.2e-38 || abs(Double(weights[i]) - expected) <= 2.4e-7 * expected)
            }
            #expect(weights[7] == 0)
            for block in 0..<4 {
                let sum = weights[block * 256..<min((block + 1) * 256, count)].reduce(0.0) { $0 + Double($1) }
                #expect(abs(Double(sums[block]) - sum) <= 1e-5 * sum)
            }
            outputs.append(weights + sums)
        }
        #expect(outputs.allSatisfy { $0 == outputs[0] })
    }

    #if !(os(macOS) && arch(x86_64))
        @Test("half floats convert as the language's own, all 65,536 of them")
        func halves() {
            for bits in UInt16.min...UInt16.max {
                let value = Float(Float16(bitPattern: bits))
                #expect(value.isNaN ? spk_f16_to_f32(bits).isNaN : spk_f16_to_f32(bits) == value)
            }
            var rng = SplitMix(7)
            for _ in 0..<100_000 {
                let value = Float(bitPattern: UInt32.random(in: 0...UInt32.max, using: &rng))
                guard !value.isNaN else { continue }
                #expect(spk_f32_to_f16(value) == Float16(value).bitPattern)
            }
        }
    #endif
}
