import ArgumentParser
import CKernels
import CPeak
import Foundation
@testable import SpeculateShared

struct KernelBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kernels",
        abstract: "Products, each format and shape, on one core: GMAC/s, GB/s of weights, share of the measured peak.")

    @Option(parsing: .upToNextOption, help: "Rows.") var rows: [Int] = [1, 2, 4, 8, 16, 64]
    @Option(parsing: .upToNextOption, help: "Tensor types, as the file format names them (all without it).")
    var types: [String] = []
    @Option(help: "Timed runs for each figure.") var repeats: Int = 9

    /// Inputs × outputs of the products of SmolLM2 135M and of Llama 3.2 1B; the head of the first is cut, it is the same
    /// all along.
    private static let small = [(576, 576), (576, 192), (576, 1536), (1536, 576), (576, 8192)]
    private static let large = [(2048, 2048), (2048, 8192), (8192, 2048)]

    func run() throws {
        let kernels = try Kernels()
        let peak = peak()
        print("\(Processor.name), \(kernels.name), one core; peak of 8-bit dot products \(Int(peak)) GMAC/s")
        let known = TensorType.weights.map(\.description)
        if let unknown = types.first(where: { !known.contains($0) }) {
            throw ValidationError("'\(unknown)' is no tensor type: expected one of \(known.joined(separator: ", "))")
        }
        for type in TensorType.weights where types.isEmpty || types.contains(type.description) {
            for (inputs, outputs) in type.unitSize == 256 ? Self.large : Self.small + Self.large.prefix(1) {
                let product = Product(type, inputs: inputs, outputs: outputs, rows: rows.max()!, kernels)
                let cells = rows.map { count in
                    let seconds = product.seconds(count, repeats: repeats)
                    let speed = Double(count * inputs * outputs) / seconds / 1e9
                    let bandwidth = Double(product.bytes) / seconds / 1e9
                    return String(
                        format: "%4d:%4.0f G %3.0f GB/s %2.0f%%", count, speed, bandwidth,
                        peak > 0 ? 100 * speed / peak : 0)
                }
                print("\(type) \(inputs)×\(outputs)  " + cells.joined(separator: "  "))
            }
        }
    }

    /// GMAC/s of nothing but 8-bit dot products, in registers; 0 without AVX-512 VNNI.
    private func peak() -> Double {
        var count = UInt64(0)
        let seconds = Stopwatch.median(of: 9) { count = spk_peak(1_000_000) }
        return Double(count) / seconds / 1e9
    }

    /// A random matrix and activations.
    private final class Product {
        let bytes: Int
        private let kernels: Kernels
        private var matrix: spk_matrix
        private var activations: spk_activations
        private let output: UnsafeMutablePointer<Float>
        private let arena: Arena

        init(_ type: TensorType, inputs: Int, outputs: Int, rows: Int, _ kernels: Kernels) {
            self.kernels = kernels
            let panelBytes = spk_panel_bytes(type.kernelType, Int32(inputs))
            let panels = outputs / 16
            bytes = panels * panelBytes
            let activationBytes = spk_activations_bytes(Int32(rows), Int32(inputs))
            arena = try! Arena(
                capacity: bytes + Arena.size(activationBytes) + rows * outputs * 4 + 256, hugePages: true)
            let packed = arena.allocate(UInt8.self, count: bytes)
            for i in 0..<bytes { packed[i] = UInt8(truncatingIfNeeded: i &* 31) & 0x3b }
            matrix = spk_matrix(
                type: type.kernelType, outputs: Int32(outputs), inputs: Int32(inputs), panel_bytes: panelBytes,
                data: packed)
            activations = spk_activations_in(
                arena.allocate(bytes: activationBytes), Int32(rows), Int32(inputs), 1 << UInt64(type.rawValue))
            output = arena.allocate(count: rows * outputs)
            let x = (0..<inputs).map { Float($0 % 17) - 8 }
            for row in 0..<rows { kernels.table.pointee.quantize(x, 0, Int32(inputs), Int32(row), &activations) }
        }

        func seconds(_ rows: Int, repeats: Int) -> Double {
            let panels = matrix.outputs / 16
            return Stopwatch.median(of: repeats) {
                kernels.table.pointee.matmul(
                    &matrix, &activations, Int32(rows), 0, panels, nil, output, Int(matrix.outputs), false)
            }
        }
    }
}
