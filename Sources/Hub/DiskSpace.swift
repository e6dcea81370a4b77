import SpeculateShared

/// Room for what is to be fetched.
enum DiskSpace {
    /// - Throws: `ModelFileError` if the files, less what is here of them, do not fit.
    static func check(for wanted: [(file: RepositoryFile, target: String)], in folder: String) throws(ModelFileError) {
        let missing = wanted.reduce(0) { sum, one in
            if StoredFolder.size(of: one.target) == one.file.byteCount { return sum }
            let here = StoredFolder.size(of: PartFile.path(of: one.target)) ?? 0
            return sum + max(0, one.file.byteCount - here)
        }
        var system = statvfs()
        guard statvfs(folder, &system) == 0 else { return }
        let (free, isHuge) = Int(system.f_bavail).multipliedReportingOverflow(by: Int(system.f_frsize))
        guard !isHuge, missing > free else { return }
        throw ModelFileError(
            .runtime,
            "\(folder) has \(free.bytesForPeople) of free space, expected \(missing.bytesForPeople) for what is to come"
        )
    }
}
