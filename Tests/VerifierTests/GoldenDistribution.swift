import Foundation
import TestSupport

/// A model's distribution on prose, position by position, as stored by `make.py`.
struct GoldenDistribution {
    /// A position's likeliest tokens and their log-probabilities.
    struct Position {
        let following: Double
        let tokens: [Int]
        let logProbabilities: [Double]

        /// The token's, if stored; otherwise that of all tokens not stored, at most the last stored one's.
        func logProbability(_ token: Int) -> Double {
            if let index = tokens.firstIndex(of: token) { return logProbabilities[index] }
            return min(log(max(1 - logProbabilities.reduce(0) { $0 + exp($1) }, 1e-9)), logProbabilities.last!)
        }

        /// KL(this ‖ other) with all tokens not stored taken as one: a lower bound of the divergence.
        func divergence(from other: (Int) -> Double) -> Double {
            var sum = 0.0
            var mass = (p: 0.0, q: 0.0)
            for (token, logP) in zip(tokens, logProbabilities) {
                let logQ = other(token)
                sum += exp(logP) * (logP - logQ)
                mass = (mass.p + exp(logP), mass.q + exp(logQ))
            }
            guard mass.p < 1 - 1e-6 else { return sum }
            return sum + (1 - mass.p) * log((1 - mass.p) / max(1 - mass.q, 1e-9))
        }
    }

    let tokens: [Int32]
    /// Computed in floats throughout.
    let float: [Position]
    /// With activations rounded to 8 bits by the engine's rule.
    let rounded: [Position]

    init() throws {
        let bytes = try Fixtures.bytes("verifier.bin")
        let numbers = bytes.withUnsafeBytes { raw in
            (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self) }
        }
        let count = Int(numbers[0])
        let top = Int(numbers[1])
        let distributionSize = 1 + 2 * top
        func position(_ start: Int) -> Position {
            Position(
                following: Double(Float(bitPattern: numbers[start])),
                tokens: numbers[(start + 1)..<(start + 1 + top)].map { Int($0) },
                logProbabilities: numbers[(start + 1 + top)..<(start + distributionSize)].map {
                    Double(Float(bitPattern: $0))
                })
        }
        let starts = (0..<count).map { 2 + $0 * (1 + 2 * distributionSize) }
        tokens = starts.map { Int32(numbers[$0]) }
        float = starts.map { position($0 + 1) }
        rounded = starts.map { position($0 + 1 + distributionSize) }
    }
}
