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
        _ matrix: PackedMatrix, _ activations: Activations, rows: Int, of total: Int, kernels: Kernels,
        accumulatingOn start: Float? = nil
    ) -> [Float] {
        let stride = (matrix.outputs + 15) / 16 * 16
        var output = [Float](repeating: start ?? .nan, count: total * stride)
        withUnsafePointer(to: matrix.matrix) { m in
            withUnsafePointer(to: activations.pointers) { a in
                kernels.table.pointee.matmul(
                    m, a, Int32(rows), 0, Int32(stride / 16), nil, &output, stride,
                    start != nil)
            }
        }
        return output
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

    @Test("a product is the naive sum over rounded activations", arguments: types)
    func naive(type: TensorType) throws {
        let kernels = try Kernels()
        let matrix = PackedMatrix(type, inputs: Self.inputs, outputs: Self.outputs, seed: 2)
        var rng = SplitMix(3)
        let rows = 3
        let x = rng.floats(rows * Self.inputs, in: -2...2)
        let activations = Activations(x, inputs: Self.inputs, kernels: kernels)
        let output = multiply(matrix, activations, rows: rows, of: rows, kernels: kernels)
        let isFloat = [.f32, .f16, .bf16].contains(type)
        for row in 0..<rows {
            for o in 0..<Self.outputs {
                var sum = 0.0
                var size = 0.0
                for i in 0..<Self.inputs {
                    let activation = isFloat ? x[row * Self.inputs + i] : activations.rounded(row, i)
                    let term = Double(matrix.weights[o * Self.inputs + i]) * Double(activation)
                    sum += term
                    size += abs(term)
                }
                #expect(abs(Double(output[row * 96 + o]) - sum) <= 2e-5 * size)
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
            matrix, Activations(x, inputs: Self.inputs, kernels: kernels), rows: rows, of: rows, kernels: kernels)
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
            matrix, Activations(x, inputs: Self.inputs, kernels: portable), rows: total, of: total,
            kernels: portable)
        #expect(reference.allSatisfy { $0.isFinite })
        for kernels in Kernels.available {
            let activations = Activations(x, inputs: Self.inputs, kernels: kernels)
            for count in 1...total {
                let output = multiply(matrix, activations, rows: count, of: total, kernels: kernels)
                #expect(output[..<(count * 96)] == reference[..<(count * 96)], "\(kernels.name), \(count) rows")
            }
            let added = multiply(matrix, activations, rows: total, of: total, kernels: kernels, accumulatingOn: 0.5)
            #expect(added == reference.map { $0 + 0.5 })
        }
    }
}
