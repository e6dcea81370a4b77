/// Writes super-blocks of Q6_K: 256 weights as −32…31, times one of 16 scales of 8 bits, times a scale. Each scale is chosen
/// among 19 for the least error, weighted with the square of the weight.
enum Q6KEncoder {
    private static let (group, groups) = (16, 16)
    /// Less than this is nothing.
    private static let least: Float = 1e-15

    static func encode(_ x: UnsafePointer<Float>, _ out: UnsafeMutableRawPointer) -> Bool {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: groups) { scales in
            var greatest: Float = 0
            for index in 0..<groups {
                scales[index] = scale(x + index * group)
                guard scales[index].isFinite else { return false }
                if abs(scales[index]) > abs(greatest) { greatest = scales[index] }
            }
            guard abs(greatest) >= least else {
                out.initializeMemory(as: UInt8.self, repeating: 0, count: 210)
                return true
            }
            let inverse = -128 / greatest
            let total = Float16(1 / inverse)
            out.storeBytes(of: total, toByteOffset: 208, as: Float16.self)
            return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { levels in
                for index in 0..<groups {
                    let step = WeightEncoder.clamped((inverse * scales[index]).rounded(.toNearestOrEven), -128, 127)
                    out.storeBytes(of: Int8(step), toByteOffset: 192 + index, as: Int8.self)
                    let unit = Float(total) * step
                    for position in index * group..<(index + 1) * group {
                        let level = unit == 0 ? 0 : (x[position] / unit).rounded(.toNearestOrEven)
                        levels[position] = UInt8(WeightEncoder.clamped(level, -32, 31) + 32)
                    }
                }
                pack(levels, out)
                return total.isFinite
            }
        }
    }

    /// Lower four bits of 256 levels, then their upper two.
    private static func pack(_ levels: UnsafeMutableBufferPointer<UInt8>, _ out: UnsafeMutableRawPointer) {
        for half in 0..<2 {
            for index in 0..<32 {
                let at = half * 128 + index
                let four = (levels[at], levels[at + 32], levels[at + 64], levels[at + 96])
                let low = half * 64 + index
                out.storeBytes(of: four.0 & 15 | four.2 << 4, toByteOffset: low, as: UInt8.self)
                out.storeBytes(of: four.1 & 15 | four.3 << 4, toByteOffset: low + 32, as: UInt8.self)
                let high = four.0 >> 4 | (four.1 >> 4) << 2 | (four.2 >> 4) << 4 | (four.3 >> 4) << 6
                out.storeBytes(of: high, toByteOffset: 128 + half * 32 + index, as: UInt8.self)
            }
        }
    }

    /// The scale of 16 weights.
    private static func scale(_ x: UnsafePointer<Float>) -> Float {
        var greatest: Float = 0
        for index in 0..<group where abs(x[index]) > abs(greatest) { greatest = x[index] }
        guard abs(greatest) >= least else { return 0 }
        var (best, bestScale) = (-Float.infinity, Float(0))
        // The plain scale goes first: another one has to be better.
        for step in [0] + Array(-9 ... -1) + Array(1...9) {
            let inverse = -(32 + 0.1 * Float(step)) / greatest
            var (product, square): (Float, Float) = (0, 0)
            for index in 0..<group {
                let level = WeightEncoder.clamped((inverse * x[index]).rounded(.toNearestOrEven), -32, 31)
                let weight = x[index] * x[index]
                product += weight * x[index] * level
                square += weight * level * level
            }
            if step == 0 {
                bestScale = square == 0 ? 0 : product / square
                best = bestScale * product
            } else if square > 0, product * product > best * square {
                bestScale = product / square
                best = bestScale * product
            }
        }
        return bestScale
    }
}
