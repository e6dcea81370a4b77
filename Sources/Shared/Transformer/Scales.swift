/// What a family multiplies numbers with on their way through the model; 1 where it does not.
package struct Scales: Equatable, Sendable {
    /// A token's row of the embedding.
    package var embedding: Float = 1
    /// Scores of queries against keys.
    package var attention: Float
    /// What attention and feed-forward add to the residual stream.
    package var residual: Float = 1
    /// What attention adds, once more.
    package var attended: Float = 1
    /// Logits.
    package var logits: Float = 1
    /// Queries at a position, where the family makes them depend on it.
    package var temperature: PositionTemperature?

    package init(headDimension: Int) { attention = 1 / Float(headDimension).squareRoot() }
}
