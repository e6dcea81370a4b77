import CKernels
import SpeculateShared

/// Quantised activations that own their memory.
struct Activations {
    let pointers: spk_activations
    private let arena: Arena
    private let bytes: Int

    /// - Parameter readers: the types of the matrices that will read them.
    init(_ values: [Float], inputs: Int, readers: [spk_tensor_type], kernels: Kernels) {
        let rows = values.count / inputs
        let mask = readers.reduce(UInt64(0)) { $0 | UInt64(1) << UInt64($1.rawValue) }
        bytes = spk_activations_bytes(Int32(rows), Int32(inputs))
        arena = try! Arena(capacity: bytes)
        pointers = spk_activations_in(arena.allocate(bytes: bytes), Int32(rows), Int32(inputs), mask)
        withUnsafePointer(to: pointers) { pointers in
            values.withUnsafeBufferPointer { values in
                for row in 0..<rows {
                    kernels.table.pointee.quantize(
                        values.baseAddress! + row * inputs, 0, Int32(inputs), Int32(row), pointers)
                }
            }
        }
    }

    /// Everything that the kernel wrote.
    var allBytes: [UInt8] {
        Array(UnsafeRawBufferPointer(start: UnsafeRawPointer(pointers.q), count: bytes))
    }

    /// The slot of the group that contains column `column` of row `row`.
    func slot(_ row: Int, _ column: Int) -> Int {
        withUnsafePointer(to: pointers) { spk_slot($0, Int32(row), Int32(column / 32)) }
    }

    /// The rounded value of column `column` of row `row`.
    func rounded(_ row: Int, _ column: Int) -> Float {
        let slot = slot(row, column)
        return pointers.scale[slot] * Float(pointers.q[slot * 32 + column % 32])
    }
}
