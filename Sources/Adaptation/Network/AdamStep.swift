import SpeculateShared

/// One step of Adam (Kingma & Ba 2015).
struct AdamStep {
    private static let (first, second): (Float, Float) = (0.9, 0.98)
    private static let epsilon: Float = 1e-8

    let rate: Float
    /// What the gradient is multiplied with.
    let scale: Float
    private let meanCorrection, squareCorrection: Float

    /// - Parameter number: of the step, from 1.
    init(number: Int, rate: Float, scale: Float) {
        self.rate = rate
        self.scale = scale
        meanCorrection = 1 / (1 - Float(pow(Double(Self.first), Double(number))))
        squareCorrection = 1 / (1 - Float(pow(Double(Self.second), Double(number))))
    }

    /// Changes `count` values, and clears their gradient.
    func apply(
        _ values: UnsafeMutablePointer<Float>, _ gradient: UnsafeMutablePointer<Float>,
        _ mean: UnsafeMutablePointer<Float>, _ square: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        for index in 0..<count {
            let g = gradient[index] * scale
            mean[index] += (1 - Self.first) * (g - mean[index])
            square[index] += (1 - Self.second) * (g * g - square[index])
            let size = (square[index] * squareCorrection).squareRoot() + Self.epsilon
            values[index] -= rate * mean[index] * meanCorrection / size
            gradient[index] = 0
        }
    }
}
