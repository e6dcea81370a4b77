import SpeculateShared

extension ModelFileError {
    /// Of a file of the folder, by its name there.
    static func bad(_ file: String, _ reason: String) -> Self { Self(.badFile, "\(file): \(reason)") }
}
