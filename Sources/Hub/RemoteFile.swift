/// A file of the hub at one revision, as the hub describes it.
struct RemoteFile: Sendable {
    let file: RepositoryFile
    let digest: ExpectedDigest
    let etag: String
    /// The commit, or the branch if the hub does not say.
    let revision: String
    let repository: RepositoryReference

    var byteCount: Int { file.byteCount }
}
