import SpeculateShared

/// How fast data become noise: time runs from 0, data, to 1.
package enum NoiseSchedule: String, CaseIterable, Sendable {
    case linear
    case cosine
    /// The noise level −log α grows by a constant factor.
    case geometric
    /// As linear, ending just before nothing is left.
    case logLinear = "log-linear"

    private static let levels = (least: 1e-3, greatest: 8.0)
    private static let remainder = 1e-3

    /// The probability that nothing has happened to a token by a time: from 1 down to 0, or to less than a thousandth.
    package func alpha(_ time: Double) -> Double {
        switch self {
        case .linear: 1 - time
        case .cosine: 1 - cos(.pi / 2 * (1 - time))
        case .geometric:
            exp(Self.levels.least - Self.levels.least * exp(time * log(Self.levels.greatest / Self.levels.least)))
        case .logLinear: 1 - (1 - Self.remainder) * time
        }
    }

    /// The derivative of α.
    package func slope(_ time: Double) -> Double {
        switch self {
        case .linear: return -1
        case .cosine: return -.pi / 2 * sin(.pi / 2 * (1 - time))
        case .geometric:
            let growth = Self.levels.greatest / Self.levels.least
            return -alpha(time) * Self.levels.least * exp(time * log(growth)) * log(growth)
        case .logLinear: return -(1 - Self.remainder)
        }
    }

    /// The probability that noise took a token between two times, given that it has by the later one.
    package func taken(from later: Double, to earlier: Double) -> Double {
        (alpha(earlier) - alpha(later)) / (1 - alpha(later))
    }

    /// The noise level −log α; infinite where nothing is left.
    package func sigma(_ time: Double) -> Double { -log(alpha(time)) }
}
