import AsyncHTTPClient
import Foundation
import NIOHTTP1
import SpeculateShared

extension HubClient {
    /// Files of a repository.
    private static let mostFiles = 100_000
    private static let mostPages = 200
    private static let mostPageBytes = 16 << 20

    private struct TreeEntry: Decodable {
        struct LargeFile: Decodable {
            let oid: String?
            let size: Int?
        }
        let type: String
        let path: String
        let size: Int?
        let oid: String?
        let lfs: LargeFile?
    }

    /// All files of a repository whose names can be files' names here.
    func files(of repository: RepositoryReference) async throws -> [RepositoryFile] {
        var files: [RepositoryFile] = []
        var next: URL? = settings.endpoint.tree(repository)
        for _ in 0..<Self.mostPages {
            guard let url = next else { return files }
            let (entries, following) = try await retrying(url) { try await page(url, of: repository) }
            files += entries.filter { $0.type == "file" }.compactMap { entry in
                RepositoryFile(
                    path: entry.path, byteCount: entry.lfs?.size ?? entry.size ?? -1,
                    digest: (entry.lfs?.oid ?? entry.oid).flatMap { ExpectedDigest($0) })
            }
            guard files.count <= Self.mostFiles else {
                throw ModelFileError(.runtime, "\(repository.repository) has more than \(Self.mostFiles) files")
            }
            next = following
        }
        throw ModelFileError(
            .runtime, "the list of \(repository.repository)'s files has more than \(Self.mostPages) pages")
    }

    private func page(_ url: URL, of repository: RepositoryReference) async throws -> ([TreeEntry], URL?) {
        let response = try await send(.GET, url)
        try check(response, repository)
        let data = try await body(of: response, from: url, most: Self.mostPageBytes)
        guard let entries = try? JSONDecoder().decode([TreeEntry].self, from: data) else {
            throw ModelFileError(
                .runtime,
                "\(Self.name(url)) answers with something else than a list of files; is \(settings.endpoint) a hub?")
        }
        let link = response.headers[canonicalForm: "Link"].lazy.compactMap { LinkHeader.next($0) }.first
        guard let link else { return (entries, nil) }
        guard let next = URL(string: link, relativeTo: url)?.absoluteURL, Origin(next) != nil else {
            throw ModelFileError(
                .runtime, "\(Self.name(url)) says that its list continues at \(excerpt(link)), expected an address")
        }
        return (entries, next)
    }

    /// What the hub says about a file before it sends it.
    func describe(
        _ file: RepositoryFile, revision: String, in repository: RepositoryReference
    ) async throws -> RemoteFile {
        let url = settings.endpoint.file(file.path, revision: revision, in: repository)
        return try await retrying(url) {
            // What the bytes must be is the hub's to say, not that of whoever it has them sent by.
            let response = try await send(.HEAD, url, staysOnHost: true)
            let isRedirect = (300..<400).contains(response.status.code)
            guard response.status != .methodNotAllowed, response.status != .notImplemented else {
                throw ModelFileError(
                    .runtime,
                    "\(Self.name(url)): HEAD is answered with status \(response.status.code), expected the file's sum: "
                        + "HF_ENDPOINT has to be a hub or a mirror that answers such requests")
            }
            if !isRedirect { try check(response, repository, file: file.path) }
            let headers = response.headers
            let etag = headers.first(name: "X-Linked-Etag") ?? (isRedirect ? nil : headers.first(name: "ETag"))
            let length = isRedirect ? nil : headers.first(name: "Content-Length").flatMap { Int($0) }
            let size = headers.first(name: "X-Linked-Size").flatMap { Int($0) } ?? length ?? file.byteCount
            let commit = headers.first(name: "X-Repo-Commit").flatMap { Self.isCommit($0) ? $0 : nil }
            guard let digest = etag.flatMap({ ExpectedDigest($0) }) ?? file.digest else {
                throw ModelFileError(.runtime, "\(Self.name(url)): the hub does not say what the file hashes to")
            }
            guard let file = RepositoryFile(path: file.path, byteCount: size, digest: digest) else {
                throw ModelFileError(.badFile, "\(Self.name(url)) has \(size) bytes, which no file has")
            }
            return RemoteFile(
                file: file, digest: digest, etag: etag ?? digest.hex, revision: commit ?? revision,
                repository: repository)
        }
    }

    private static func isCommit(_ text: String) -> Bool {
        text.utf8.count == 40 && text.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
    }

    /// - Throws: `ModelFileError` saying what the status means for whoever asked.
    func check(_ response: HTTPClientResponse, _ repository: RepositoryReference, file: String? = nil)
        throws(ModelFileError)
    {
        let what = file.map { "'\($0)' in \(repository.repository)" } ?? "\(repository.repository)"
        switch response.status.code {
        case 200, 206: return
        case 401, 403: throw refusal(response, repository)
        case 404:
            throw ModelFileError(
                .missing, "there is no \(file == nil ? "repository " : "")\(what) at \(settings.endpoint)")
        default:
            throw ModelFileError(.runtime, "\(settings.endpoint) answers \(what) with status \(response.status.code)")
        }
    }

    private func refusal(_ response: HTTPClientResponse, _ repository: RepositoryReference) -> ModelFileError {
        let page = settings.endpoint.page(repository)
        let name = repository.repository
        let code = response.status.code
        if let token = settings.token {
            let isSent = settings.endpoint.mayHaveToken(settings.endpoint.tree(repository))
            let reason = isSent ? "\(token) has no access" : "no token is sent over plain http"
            return ModelFileError(
                .runtime,
                "\(name) is refused, status \(code): \(reason); accept the terms at \(page), or set another HF_TOKEN")
        }
        let isGated = response.headers.first(name: "X-Error-Code") == "GatedRepo" || code == 403
        return ModelFileError(
            .runtime,
            "\(name) \(isGated ? "is gated" : "does not exist, or is private or gated"), status \(code): accept its terms at \(page) and set HF_TOKEN to a token of yours"
        )
    }
}
