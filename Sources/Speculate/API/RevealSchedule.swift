import SpeculateShared

/// How many of a block's tokens are revealed after each pass, where the absorbing process writes it in several
/// (MaskGIT, Chang et al. 2022).
public enum RevealSchedule: String, CaseIterable, Sendable {
    /// As many after each pass.
    case linear
    /// Few at first, when little is known, and more later.
    case cosine

    /// The tokens of `count` that are revealed after each of so many passes but the last.
    func targets(passes: Int, count: Int) -> [Int] {
        (1..<max(passes, 1)).map { pass in
            let share = Double(pass) / Double(passes)
            let revealed =
                switch self {
                case .linear: share
                case .cosine: 1 - cos(.pi / 2 * share)
                }
            return Int((revealed * Double(count)).rounded())
        }
    }
}
