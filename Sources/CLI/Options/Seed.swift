import ArgumentParser

/// Seeds on the command line.
enum Seed {
    /// - Throws: `ValidationError` saying what was expected.
    @Sendable static func parse(_ argument: String) throws -> UInt64 {
        guard let seed = UInt64(argument) else {
            throw ValidationError("expected a whole number from 0 to \(UInt64.max)")
        }
        return seed
    }
}
