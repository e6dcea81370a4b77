import Foundation
import SpeculateShared

/// Llama 3.1's scaling: slow rotations are slowed by a factor, fast ones stay, those between are blended (Llama Team 2024).
struct Llama3Scaling: Equatable {
    let factor: Float
    let low: Float
    let high: Float
    let originalContext: Float

    init(_ fields: Fields) throws(ModelFileError) {
        func number(_ key: String) throws(ModelFileError) -> Float {
            guard let number = try fields.optionalPositive(key) else {
                throw fields.wrong(key, nil, expected: "a number above 0")
            }
            return Float(number)
        }
        factor = try number("factor")
        low = try number("low_freq_factor")
        high = try number("high_freq_factor")
        originalContext = try number("original_max_position_embeddings")
        guard high > low else {
            throw fields.wrong("high_freq_factor", fields["high_freq_factor"], expected: "more than \(low)")
        }
    }

    /// What each pair's frequency is divided by: [headDimension / 2].
    func factors(base: Double, headDimension: Int) -> [Float] {
        stride(from: 0, to: headDimension, by: 2).map { index in
            let frequency = 1 / Float(pow(base, Double(Float(index) / Float(headDimension))))
            let wavelength = 2 * Float.pi / frequency
            if wavelength < originalContext / high { return 1 }
            if wavelength > originalContext / low { return factor }
            let smooth = (originalContext / wavelength - low) / (high - low)
            return 1 / ((1 - smooth) / factor + smooth)
        }
    }
}
