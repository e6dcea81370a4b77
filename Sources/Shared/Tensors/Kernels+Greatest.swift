import CKernels

extension Kernels {
    /// The indices of the greatest of some values [outputs, padded to whole panels], the greatest first, the lowest of
    /// equals; NaN is none of them.
    package func greatest(_ count: Int, of values: UnsafePointer<Float>, outputs: Int) -> [Int32] {
        let lanes = Int(SPK_LANES)
        let (panels, chunk) = ((outputs + lanes - 1) / lanes, 64)
        var best: [(value: Float, index: Int32)] = []
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: chunk) { reaching in
            for first in stride(from: 0, to: panels, by: chunk) {
                // What is found meanwhile may leave a panel without a place among the best.
                let least = best.count < count ? -Float.infinity : best[count - 1].value
                let found = table.pointee.panels_reaching(
                    values, least, Int32(first), Int32(min(first + chunk, panels)), reaching.baseAddress!)
                for panel in reaching.prefix(Int(found)) {
                    for index in Int(panel) * lanes..<min((Int(panel) + 1) * lanes, outputs) {
                        let value = values[index]
                        guard best.count < count || value > best[count - 1].value, !value.isNaN else { continue }
                        let place = best.firstIndex { $0.value < value } ?? best.count
                        if best.count == count { best.removeLast() }
                        best.insert((value, Int32(index)), at: place)
                    }
                }
            }
        }
        return best.map(\.index)
    }

    /// The same for values that are not padded, NaN among them as it comes, without allocating: into `chosen` [count].
    package static func greatest(
        _ count: Int, of values: UnsafePointer<Float>, outputs: Int, into chosen: UnsafeMutablePointer<Int32>
    ) {
        var held = 0
        for index in 0..<outputs {
            guard held < count || values[index] > values[Int(chosen[held - 1])] else { continue }
            var place = min(held, count - 1)
            while place > 0, values[index] > values[Int(chosen[place - 1])] {
                chosen[place] = chosen[place - 1]
                place -= 1
            }
            chosen[place] = Int32(index)
            held = min(held + 1, count)
        }
    }
}
