import SpeculateShared

/// What a drafter's file holds, by its `general.architecture`.
package enum DrafterKind: String, CaseIterable, Sendable {
    /// Blocks of tokens at once: DFlash, DSpark, DFlash 2.
    case diffusion = "dflash"
    /// Token by token: EAGLE-3.
    case eagle = "eagle3"

    /// Nil where the metadata describe no drafter.
    package init?(_ metadata: Metadata) {
        guard let name = try? metadata.optionalString("general.architecture"), let kind = Self(rawValue: name) else {
            return nil
        }
        self = kind
    }
}
