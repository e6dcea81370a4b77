import SpeculateShared

/// Writes a row of floats in a tensor format, rounding as llama.cpp's quantiser does.
package enum WeightEncoder {
    /// What it can write.
    package static let types: Set<TensorType> = [.f32, .f16, .bf16, .q8_0, .q4_0, .q4_1, .q6_K]

    /// Encodes `count` weights, a multiple of the type's unit.
    /// - Returns: false if a weight is no number, or too large for the format.
    package static func encode(
        _ x: UnsafePointer<Float>, _ count: Int, as type: TensorType, to out: UnsafeMutableRawPointer
    ) -> Bool {
        // Infinity and NaN times 0 are NaN.
        var check: Float = 0
        for index in 0..<count { check += x[index] * 0 }
        guard check == 0 else { return false }
        switch type {
        case .f32: out.copyMemory(from: x, byteCount: count * 4)
        case .f16: return encodeHalves(x, count, out)
        case .bf16: return encodeBrainFloats(x, count, out)
        default:
            for unit in 0..<count / type.unitSize {
                let (from, to) = (x + unit * type.unitSize, out + unit * type.unitBytes)
                let fits =
                    switch type {
                    case .q8_0: encodeQ8(from, to)
                    case .q4_0: encodeQ4WithoutMinimum(from, to)
                    case .q4_1: encodeQ4(from, to)
                    case .q6_K: Q6KEncoder.encode(from, to)
                    default: false
                    }
                guard fits else { return false }
            }
        }
        return true
    }

    private static func encodeHalves(_ x: UnsafePointer<Float>, _ count: Int, _ out: UnsafeMutableRawPointer) -> Bool {
        let halves = out.bindMemory(to: Float16.self, capacity: count)
        for index in 0..<count {
            let half = Float16(x[index])
            guard half.isFinite else { return false }
            halves[index] = half
        }
        return true
    }

    /// To the nearest, ties to even.
    private static func encodeBrainFloats(
        _ x: UnsafePointer<Float>, _ count: Int, _ out: UnsafeMutableRawPointer
    ) -> Bool {
        let words = out.bindMemory(to: UInt16.self, capacity: count)
        for index in 0..<count {
            let bits = x[index].bitPattern
            words[index] = UInt16((UInt64(bits) + 0x7fff + UInt64(bits >> 16 & 1)) >> 16)
            guard words[index] & 0x7fff < 0x7f80 else { return false }
        }
        return true
    }

    /// A scale, and 32 weights as −127…127 times it.
    private static func encodeQ8(_ x: UnsafePointer<Float>, _ out: UnsafeMutableRawPointer) -> Bool {
        var greatest: Float = 0
        for index in 0..<32 { greatest = max(greatest, abs(x[index])) }
        let scale = greatest / 127
        let inverse = scale == 0 ? 0 : 1 / scale
        out.storeBytes(of: Float16(scale), as: Float16.self)
        for index in 0..<32 {
            let level = (x[index] * inverse).rounded(.toNearestOrAwayFromZero)
            out.storeBytes(of: Int8(clamped(level, -127, 127)), toByteOffset: 2 + index, as: Int8.self)
        }
        return Float16(scale).isFinite
    }

    /// A scale and a minimum, and 32 weights as 0…15 times the one plus the other.
    private static func encodeQ4(_ x: UnsafePointer<Float>, _ out: UnsafeMutableRawPointer) -> Bool {
        var (least, greatest) = (x[0], x[0])
        for index in 1..<32 {
            least = min(least, x[index])
            greatest = max(greatest, x[index])
        }
        let scale = (greatest - least) / 15
        let inverse = scale == 0 ? 0 : 1 / scale
        out.storeBytes(of: Float16(scale), as: Float16.self)
        out.storeBytes(of: Float16(least), toByteOffset: 2, as: Float16.self)
        func level(_ index: Int) -> UInt8 {
            UInt8(clamped(((x[index] - least) * inverse + 0.5).rounded(.towardZero), 0, 15))
        }
        for index in 0..<16 {
            out.storeBytes(of: level(index) | level(index + 16) << 4, toByteOffset: 4 + index, as: UInt8.self)
        }
        return Float16(scale).isFinite && Float16(least).isFinite
    }

    /// A scale, and 32 weights as −8…7 times it; the one with the greatest magnitude is −8 times it.
    private static func encodeQ4WithoutMinimum(_ x: UnsafePointer<Float>, _ out: UnsafeMutableRawPointer) -> Bool {
        var greatest: Float = 0
        for index in 0..<32 where abs(x[index]) > abs(greatest) { greatest = x[index] }
        let scale = greatest / -8
        let inverse = scale == 0 ? 0 : 1 / scale
        out.storeBytes(of: Float16(scale), as: Float16.self)
        func level(_ index: Int) -> UInt8 {
            UInt8(clamped((x[index] * inverse + 8.5).rounded(.towardZero), 0, 15))
        }
        for index in 0..<16 {
            out.storeBytes(of: level(index) | level(index + 16) << 4, toByteOffset: 2 + index, as: UInt8.self)
        }
        return Float16(scale).isFinite
    }

    /// Within bounds; NaN, from a scale so small that its inverse is infinite, is the least.
    static func clamped(_ value: Float, _ least: Float, _ greatest: Float) -> Float {
        value >= least ? min(value, greatest) : least
    }
}
