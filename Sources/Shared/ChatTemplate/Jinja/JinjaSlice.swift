/// The indices that a slice [start:end:step] takes of `count` items.
struct JinjaSlice {
    let indices: [Int]
    /// Where the first index is, and where the last one is not passed.
    let ends: (start: Int, stop: Int)
    /// The indices as a range, if they are one.
    let contiguous: Range<Int>?

    init(_ start: Int?, _ end: Int?, _ step: Int, count: Int) {
        let lowest = step < 0 ? -1 : 0
        let highest = step < 0 ? count - 1 : count
        let place: (Int) -> Int = { bound in
            let bound = bound < 0 ? bound.addingReportingOverflow(count).partialValue : bound
            return min(max(bound, lowest), highest)
        }
        let first = start.map(place) ?? (step < 0 ? highest : lowest)
        let last = end.map(place) ?? (step < 0 ? lowest : highest)
        indices = Array(stride(from: first, to: last, by: max(min(step, count + 1), -count - 1)))
        ends = (first, last)
        contiguous = step == 1 ? first..<max(first, last) : nil
    }
}
