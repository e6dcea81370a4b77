/// The length of the common prefix of two token sequences.
func commonPrefix(_ first: ArraySlice<Int32>, _ second: ArraySlice<Int32>) -> Int {
    first.withUnsafeBufferPointer { first in
        second.withUnsafeBufferPointer { second in
            let count = min(first.count, second.count)
            return (0..<count).first { first[$0] != second[$0] } ?? count
        }
    }
}
