import SpeculateShared

/// A file of a repository: its path there, which is safe as a relative path here, and what it holds.
package struct RepositoryFile: Equatable, Sendable {
    /// Sums of `HubClient.mostFiles` sizes below this fit an integer.
    private static let longest = 1 << 45

    package let path: String
    package let byteCount: Int
    /// What its bytes hash to; nil if the hub does not say.
    let digest: ExpectedDigest?

    /// nil if the path could leave the folder that it is put in, cannot be a file's name, or the size is none.
    init?(path: String, byteCount: Int, digest: ExpectedDigest? = nil) {
        guard byteCount >= 0, byteCount < Self.longest, Self.isSafe(path) else { return nil }
        self.path = path
        self.byteCount = byteCount
        self.digest = digest
    }

    /// The path's last component.
    var name: String { path.split(separator: "/").last.map(String.init) ?? path }

    /// The path's other components, with a slash at the end; empty if there are none.
    var folder: String { String(path.dropLast(name.count)) }

    /// No component is empty, hidden, leads up, or is too long with what is added to names here.
    private static func isSafe(_ path: String) -> Bool {
        let components = path.split(separator: "/", omittingEmptySubsequences: false)
        return path.utf8.count <= 1024 && components.count <= 16
            && path.unicodeScalars.allSatisfy { $0.value >= 32 && $0.value != 127 && $0 != "\\" && $0 != ":" }
            && components.allSatisfy { !$0.isEmpty && !$0.hasPrefix(".") && $0.utf8.count <= 200 }
    }
}
