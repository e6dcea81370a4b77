/// The verifier's distributions after a text's tokens, of each the likeliest tokens that can be drafted.
package struct TargetDistributions {
    package struct Row {
        /// [HeadBatch.width] indices of draft tokens, the likeliest first; −1 after the last.
        package let tokens: ArraySlice<Int32>
        /// Their probabilities among all tokens, drafted or not.
        package let probabilities: ArraySlice<Float>

        package init(tokens: ArraySlice<Int32>, probabilities: ArraySlice<Float>) {
            self.tokens = tokens
            self.probabilities = probabilities
        }
    }

    package private(set) var count = 0
    private var tokens: [Int32] = []
    private var probabilities: [Float] = []

    package init() {}

    package subscript(index: Int) -> Row {
        let range = index * HeadBatch.width..<(index + 1) * HeadBatch.width
        return Row(tokens: tokens[range], probabilities: probabilities[range])
    }

    /// - Parameter likeliest: at most `HeadBatch.width` draft tokens and their probabilities, descending.
    package mutating func append(_ likeliest: [(token: Int32, probability: Float)]) {
        count += 1
        tokens.append(contentsOf: likeliest.map(\.token))
        probabilities.append(contentsOf: likeliest.map(\.probability))
        let missing = count * HeadBatch.width - tokens.count
        tokens.append(contentsOf: repeatElement(-1, count: missing))
        probabilities.append(contentsOf: repeatElement(0, count: missing))
    }
}
