import CKernels
import COpenBLAS
import SpeculateShared
import Testing
import TestSupport

@Suite struct MatmulTests {
    private static let types = TensorType.weights
    private static let inputs = 768
    private static let outputs = 88  // Not a multiple of 16: the last panel is padded.

    private func multiply(
        _ matrix: spk_matrix, _ activations: Activations, rows: Int, of total: Int, kernels: Kernels,
        accumulatingOn start: Float? = nil
    ) -> [Float] {
        let stride = (Int(matrix.outputs) + 15) / 16 * 16
        var output = [Float](repeating: start ?? .nan, count: total * stride)
        withUnsafePointer(to: matrix) { m in
            withUnsafePointer(to: activations.pointers) { a in
                kernels.table.pointee.matmul(
                    m, a, Int32(rows), 0, Int32(stride / 16), nil, &output, stride,
                    start != nil)
            }
        }
        return output
    }

    /// Expects each number to equal the sum of its terms, within float precision.
    private func expect(
        _ output: [Float], rows: Int, _ comment: Comment, term: (_ row: Int, _ output: Int, _ input: Int) -> Double
    ) {
        for row in 0..<rows {
            for o in 0..<Self.outputs {
                var (sum, size) = (0.0, 0.0)
                for i in 0..<Self.inputs {
                    let next = term(row, o, i)
                    sum += next
                    size += abs(next)
                }
                #expect(abs(Double(output[row * 96 + o]) - sum) <= 2e-5 * size, comment)
            }
        }
    }

    @Test("packed weights read back are the file's weights", arguments: types)
    func packing(type: TensorType) {
        let matrix = PackedMatrix(type, inputs: Self.inputs, outputs: Self.outputs, seed: 1)
        var row = [Float](repeating: 0, count: Self.inputs)
        withUnsafePointer(to: matrix.matrix) { m in
            for output in 0..<Self.outputs {
                spk_unpack_row(m, Int32(output), &row)
                #expect(row == Array(matrix.weights[output * Self.inputs..<(output + 1) * Self.inputs]))
            }
        }
    }

    /// The bytes to fill the quants with, including the extremes; nil: random ones.
    private static let fillings: [UInt8?] = [nil, 0, 0x7f, 0x80, 0xff]

    /// Random rows, and two that round only to the greatest and least quants.
    private func activations(rows: Int, _ rng: inout SplitMix) -> [Float] {
        rng.floats(rows * Self.inputs, in: -2...2) + [Float](repeating: 2, count: Self.inputs)
            + [Float](repeating: -2, count: Self.inputs)
    }

    @Test("a product is the naive sum over rounded activations, the greatest numbers too", arguments: types)
    func naive(type: TensorType) {
        var rng = SplitMix(3)
        let x = activations(rows: 1, &rng)
        let isFloat = [.f32, .f16, .bf16].contains(type)
        for byte in isFloat ? [nil] : Self.fillings {
            let matrix = PackedMatrix(type, inputs: Self.inputs, outputs: Self.outputs, seed: 2, byte: byte)
            for kernels in Kernels.available {
                let activations = Activations(x, inputs: Self.inputs, readers: [type.kernelType], kernels: kernels)
                let output = multiply(matrix.matrix, activations, rows: 3, of: 3, kernels: kernels)
                expect(output, rows: 3, "\(kernels.name), \(byte.map(String.init) ?? "random")") { row, o, i in
                    let activation = isFloat ? x[row * Self.inputs + i] : activations.rounded(row, i)
                    return Double(matrix.weights[o * Self.inputs + i]) * Double(activation)
                }
            }
        }
    }

    @Test("rounding activations to 8 bits costs under 1 % against OpenBLAS in floats", arguments: types)
    func openBLAS(type: TensorType) throws {
        let kernels = try Kernels()
        let matrix = PackedMatrix(type, inputs: Self.inputs, outputs: Self.outputs, seed: 4)
        var rng = SplitMix(5)
        let rows = 4
        let x = rng.floats(rows * Self.inputs)
        let output = multiply(
            matrix.matrix, Activations(x, inputs: Self.inputs, readers: [type.kernelType], kernels: kernels),
            rows: rows, of: rows, kernels: kernels
        )
        var expected = [Float](repeating: 0, count: rows * Self.outputs)
        cblas_sgemm(
            CblasRowMajor, CblasNoTrans, CblasTrans, Int32(rows), Int32(Self.outputs), Int32(Self.inputs), 1, x,
            Int32(Self.inputs), matrix.weights, Int32(Self.inputs), 0, &expected, Int32(Self.outputs))
        var error = 0.0
        var norm = 0.0
        for row in 0..<rows {
            for o in 0..<Self.outputs {
                let value = Double(expected[row * Self.outputs + o])
                error += (Double(output[row * 96 + o]) - value) * (Double(output[row * 96 + o]) - value)
                norm += value * value
            }
        }
        #expect((error / norm).squareRoot() < 0.01)
    }

    @Test("every instruction set, and every number of rows, gives the same bits", arguments: types)
    func sameBits(type: TensorType) throws {
        let matrix = PackedMatrix(type, inputs: Self.inputs, outputs: Self.outputs, seed: 6)
        var rng = SplitMix(7)
        let total = 19
        let x = rng.floats(total * Self.inputs, in: -3...3)
        let portable = Kernels.available[0]
        let reference = multiply(
            matrix.matrix, Activations(x, inputs: Self.inputs, readers: [type.kernelType], kernels: portable),
            rows: total, of: total,
            kernels: portable)
        #expect(reference.allSatisfy { $0.isFinite })
        for kernels in Kernels.available {
            let activations = Activations(x, inputs: Self.inputs, readers: [type.kernelType], kernels: kernels)
            for count in 1...total {
                let output = multiply(matrix.matrix, activations, rows: count, of: total, kernels: kernels)
                #expect(output[..<(count * 96)] == reference[..<(count * 96)], "\(kernels.name), \(count) rows")
            }
            let added = multiply(
                matrix.matrix, activations, rows: total, of: total, kernels: kernels, accumulatingOn: 0.5)
            #expect(added == reference.map { $0 + 0.5 })
        }
    }

    @Test("many rows, and inputs more than are unpacked at once, have the bits of one row alone", arguments: types)
    func manyRows(type: TensorType) throws {
        // With more inputs, fewer rows share an unpacking.
        for (inputs, total) in [(1280, 149), (5120, 110)] {
            let matrix = PackedMatrix(type, inputs: inputs, outputs: 24, seed: 13)
            var rng = SplitMix(14)
            let x = rng.floats(total * inputs, in: -3...3)
            var reference: [Float]?
            for kernels in Kernels.available {
                let activations = Activations(x, inputs: inputs, readers: [type.kernelType], kernels: kernels)
                let all = multiply(matrix.matrix, activations, rows: total, of: total, kernels: kernels)
                #expect(all == reference ?? all, "\(kernels.name), \(inputs) inputs")
                reference = all
                for row in stride(from: 0, to: total, by: 3) {
                    let own = Array(x[row * inputs..<(row + 1) * inputs])
                    let alone = Activations(own, inputs: inputs, readers: [type.kernelType], kernels: kernels)
                    let output = multiply(matrix.matrix, alone, rows: 1, of: 1, kernels: kernels)
                    #expect(output == Array(all[row * 32..<(row + 1) * 32]), "\(kernels.name), row \(row)")
                }
            }
        }
    }

    @Test("activations that share scales by 256 give the same bits everywhere too", arguments: types)
    func wideSpan(type: TensorType) {
        let matrix = PackedMatrix(type, inputs: Self.inputs, outputs: Self.outputs, seed: 11)
        var rng = SplitMix(12)
        let total = 9
        let x = rng.floats(total * Self.inputs, in: -3...3)
        var reference: [Float]?
        for kernels in Kernels.available {
            let activations = Activations(
                x, inputs: Self.inputs, readers: [type.kernelType, SPK_Q6_K], kernels: kernels)
            let output = multiply(matrix.matrix, activations, rows: total, of: total, kernels: kernels)
            #expect(output == reference ?? output, "\(kernels.name)")
            reference = output
            guard ![.f32, .f16, .bf16].contains(type) else { continue }
            expect(output, rows: total, "\(kernels.name)") { row, o, i in
                Double(matrix.weights[o * Self.inputs + i]) * Double(activations.rounded(row, i))
            }
        }
    }

    @Test("a panel takes at most 1.03 times the bytes of its file's rows", arguments: types)
    func size(type: TensorType) {
        for inputs in [256, 768, 2048, 9728] {
            let file = 16 * spk_row_bytes(type.kernelType, Int32(inputs))
            let packed = spk_panel_bytes(type.kernelType, Int32(inputs))
            #expect(Double(packed) <= 1.03 * Double(file), "\(inputs) inputs")
        }
    }

    @Test(
        "a product with the upper bits is the naive one, never below the matrix's own, and everywhere the same",
        arguments: [TensorType.q8_0, .q6_K])
    func upperBits(_ type: TensorType) throws {
        var rng = SplitMix(9)
        let total = 19
        // One row has a single large value, one only positive values, one only zeros.
        var x = activations(rows: total - 2, &rng)
        for i in 0..<Self.inputs {
            x[Self.inputs + i] = abs(x[Self.inputs + i])
            x[2 * Self.inputs + i] = 0
        }
        x[3 * Self.inputs + 5] = 1e4
        for byte in Self.fillings {
            let matrix = PackedMatrix(type, inputs: Self.inputs, outputs: Self.outputs, seed: 8, byte: byte)
            let upper = try #require(try UpperBits(of: matrix.matrix, pool: WorkerPool(count: 2)))
            var reference: [Float]?
            for kernels in Kernels.available {
                let readers = [type.kernelType, upper.matrix.type]
                let activations = Activations(x, inputs: Self.inputs, readers: readers, kernels: kernels)
                let own = multiply(matrix.matrix, activations, rows: total, of: total, kernels: kernels)
                let bounds = multiply(upper.matrix, activations, rows: total, of: total, kernels: kernels)
                #expect(zip(bounds, own).allSatisfy { $0 >= $1 })
                #expect(bounds == reference ?? bounds, "\(kernels.name)")
                reference = bounds
                expect(bounds, rows: total, "\(kernels.name), \(byte.map(String.init) ?? "random")") { row, o, i in
                    bound(matrix, o, i, times: Double(activations.rounded(row, i)))
                }
                for count in 1..<total {
                    let fewer = multiply(upper.matrix, activations, rows: count, of: total, kernels: kernels)
                    #expect(fewer[..<(count * 96)] == bounds[..<(count * 96)], "\(kernels.name), \(count) rows")
                }
            }
        }
    }

    /// The most that a weight times an activation can be if the weight's lowest bits are unknown.
    private func bound(_ matrix: PackedMatrix, _ output: Int, _ input: Int, times activation: Double) -> Double {
        let weight = Double(matrix.weights[output * matrix.inputs + input])
        let index = output * matrix.inputs + input
        let block = index / matrix.type.unitSize * matrix.type.unitBytes, k = index % matrix.type.unitSize
        func scale(at offset: Int) -> Double {
            Double(spk_f16_to_f32(UInt16(matrix.file[block + offset]) | UInt16(matrix.file[block + offset + 1]) << 8))
        }
        let step, unknown, most: Double
        if matrix.type == .q8_0 {
            (step, unknown, most) = (scale(at: 0), Double(matrix.file[block + 2 + k] & 3), 3)
        } else {
            // Two halves of 128 inputs: in the first, 32 bytes hold the lower four bits of inputs 0–31 and 64–95, the
            // next 32 those of the others.
            let byte = matrix.file[block + k / 128 * 64 + k % 64]
            let isUpper = k % 128 >= 64
            let part = Int8(bitPattern: matrix.file[block + 192 + k / 16])
            (step, unknown, most) = (scale(at: 208) * Double(part), Double(byte >> (isUpper ? 4 : 0) & 1), 1)
        }
        return (weight - step * unknown) * activation + max(0, step * most * activation)
    }

    @Test(
        "upper bits are no bound where a scale is not finite, or one of Q8_0 negative",
        arguments: [0x8001, 0xa000, 0x7c00, 0x7e00], [TensorType.q8_0, .q6_K])
    func unsoundScales(bits: UInt16, _ type: TensorType) throws {
        let file = PackedMatrix(type, inputs: 512, outputs: 40, seed: 10)
        #expect(try UpperBits(of: file.matrix, pool: WorkerPool(count: 2)) != nil)
        let panel = UnsafeMutablePointer(mutating: file.matrix.data!)
        // A group's 16 scales precede its 512 quants; a super-block's come after its integers and before its 256 · 16
        // quants of 5 bits. This is output 37's second scale.
        let offset = type == .q8_0 ? 544 : (256 + 32 + 256 * 16 * 5 / 8) + 256
        let scale = panel + 2 * file.matrix.panel_bytes + offset + 5 * 2
        withUnsafeBytes(of: bits) { scale.update(from: $0.assumingMemoryBound(to: UInt8.self).baseAddress!, count: 2) }
        let isBound = type == .q6_K && bits & 0x7fff < 0x7c00
        #expect((try UpperBits(of: file.matrix, pool: WorkerPool(count: 2)) != nil) == isBound)
    }
}
