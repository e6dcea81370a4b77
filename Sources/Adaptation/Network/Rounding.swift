import CKernels
import SpeculateImport
import SpeculateShared

/// Rounds weights to a file's format. Where they have changed little, each unit keeps its scale, so that weights which have not
/// changed keep their values: rounded by a new scale, all of them would move, and what training made of the old ones is lost.
enum Rounding {
    private static let group = 32

    /// Rounds a row into `bytes`, which hold what it was before, and reads it back.
    /// - Returns: false if a weight does not fit the format.
    static func round(
        _ values: UnsafePointer<Float>, _ count: Int, as type: TensorType, into bytes: UnsafeMutableRawPointer,
        _ rounded: UnsafeMutablePointer<Float>
    ) -> Bool {
        guard [.q4_0, .q4_1, .q8_0].contains(type) else {
            guard WeightEncoder.encode(values, count, as: type, to: bytes) else { return false }
            decode(bytes, count, type, rounded)
            return true
        }
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: type.unitBytes) { fresh in
            withUnsafeTemporaryAllocation(of: Float.self, capacity: group) { decoded in
                for unit in 0..<count / group {
                    let (x, out) = (values + unit * group, bytes + unit * type.unitBytes)
                    let kept = rounded + unit * group
                    guard WeightEncoder.encode(x, group, as: type, to: fresh.baseAddress!) else { return false }
                    decode(fresh.baseAddress!, group, type, decoded.baseAddress!)
                    keepScale(x, type, out)
                    decode(out, group, type, kept)
                    guard error(x, decoded.baseAddress!) < error(x, kept) else { continue }
                    out.copyMemory(from: fresh.baseAddress!, byteCount: type.unitBytes)
                    kept.update(from: decoded.baseAddress!, count: group)
                }
                return true
            }
        }
    }

    /// The levels of 32 weights by the scale, and the minimum, that a unit has.
    private static func keepScale(_ x: UnsafePointer<Float>, _ type: TensorType, _ unit: UnsafeMutableRawPointer) {
        let scale = Float(unit.load(as: Float16.self))
        let inverse = scale == 0 ? 0 : 1 / scale
        let least = type == .q4_1 ? Float(unit.load(fromByteOffset: 2, as: Float16.self)) : 0
        let (low, high, zero): (Float, Float, Float) = type == .q8_0 ? (-127, 127, 0) : (0, 15, type == .q4_0 ? 8 : 0)
        func level(_ index: Int) -> Float {
            let level = ((x[index] - least) * inverse + zero).rounded(.toNearestOrEven)
            return level >= low ? min(level, high) : low
        }
        if type == .q8_0 {
            for index in 0..<group { unit.storeBytes(of: Int8(level(index)), toByteOffset: 2 + index, as: Int8.self) }
            return
        }
        let first = type == .q4_1 ? 4 : 2
        for index in 0..<group / 2 {
            let pair = UInt8(level(index)) | UInt8(level(index + group / 2)) << 4
            unit.storeBytes(of: pair, toByteOffset: first + index, as: UInt8.self)
        }
    }

    private static func decode(
        _ bytes: UnsafeRawPointer, _ count: Int, _ type: TensorType, _ values: UnsafeMutablePointer<Float>
    ) {
        spk_dequantize_row(type.kernelType, bytes.assumingMemoryBound(to: UInt8.self), Int32(count), values)
    }

    private static func error(_ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>) -> Float {
        var sum: Float = 0
        for index in 0..<group { sum += (x[index] - y[index]) * (x[index] - y[index]) }
        return sum
    }
}
