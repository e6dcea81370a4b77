/// Queries far into a context are multiplied with 1 + scale · ln(⌊position / original⌋ + 1), so that attention stays as
/// sharp as in the context that the model was trained with first (Nakanishi 2025, as Llama 4 and Ministral 3 have it).
package struct PositionTemperature: Equatable, Sendable {
    package var scale: Float
    package var original: Int

    package init(scale: Float, original: Int) {
        self.scale = scale
        self.original = original
    }

    func factor(position: Int) -> Float { 1 + scale * Float(log(Double(position / original + 1))) }
}
