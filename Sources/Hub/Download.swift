import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import SpeculateShared

/// Brings one file here, going on from where an earlier attempt ended.
struct Download {
    let client: HubClient
    let remote: RemoteFile
    /// Where it goes.
    let target: String

    private var name: String { remote.file.name }

    func run() async throws {
        let lock = try await FileLock.take(for: target) { client.report(.waiting(file: name)) }
        defer { withExtendedLifetime(lock) {} }
        if try isHere() {
            client.report(.unchanged(file: name))
            return
        }
        let part = try PartFile(of: target, remote) { client.report(.checking(file: name)) }
        do {
            try await fill(part)
            _ = try part.finish()
        } catch let error as ModelFileError where error.code == .badFile {
            part.remove()
            throw error
        }
        client.report(.fetched(file: name, byteCount: remote.byteCount))
    }

    /// Whether the file is here and the hub's. One without a record is read.
    private func isHere() throws -> Bool {
        guard StoredFolder.size(of: target) == remote.byteCount else { return false }
        if let record = FileRecord.read(of: target), record.size == remote.byteCount {
            if case .sha256(record.sha256) = remote.digest { return true }
            return record.etag == remote.etag && !remote.etag.isEmpty
        }
        guard remote.byteCount > 0 else { return true }
        client.report(.checking(file: name))
        var digest = RunningDigest(for: remote.digest, byteCount: remote.byteCount)
        try digest.update(with: ReadableFile(path: target), count: remote.byteCount)
        guard digest.mismatch(with: remote.digest) == nil else { return false }
        try FileRecord(remote, sha256: digest.sha256Hex).write(beside: target)
        return true
    }

    private func fill(_ part: PartFile) async throws {
        var attempts = Attempts()
        var most = part.count
        client.report(.advanced(file: name, done: part.count, total: remote.byteCount))
        while !part.isWhole {
            do {
                try await attempt(part)
            } catch let failure as TransientFailure {
                let pause = try attempts.pause(
                    after: failure, hasGained: part.count > most, "'\(name)' of \(remote.repository.repository)")
                most = max(most, part.count)
                client.report(.retrying(reason: failure.reason, pause: pause))
                try await Task.sleep(for: pause)
            }
        }
    }

    /// One request for what is missing, as far as it goes.
    private func attempt(_ part: PartFile) async throws {
        let url = client.settings.endpoint.file(
            remote.file.path, revision: remote.revision, in: remote.repository)
        var headers: HTTPHeaders = [:]
        if part.count > 0 {
            headers.add(name: "Range", value: "bytes=\(part.count)-")
            if let etag = part.bodyETag { headers.add(name: "If-Range", value: etag) }
        }
        let response = try await client.send(.GET, url, headers: headers)
        try begin(response, part)
        try await receive(response, part)
    }

    /// Checks that the answer is the file, or what is missing of it.
    private func begin(_ response: HTTPClientResponse, _ part: PartFile) throws {
        switch response.status.code {
        case 200:
            if part.count > 0 { try part.restart() }
        case 206:
            let range = response.headers.first(name: "Content-Range").flatMap { ContentRange($0) }
            guard let range, range.first == part.count, range.total ?? remote.byteCount == remote.byteCount else {
                try part.restart()
                throw TransientFailure("the answer is another range than was asked for")
            }
        case 416:
            try part.restart()
            throw TransientFailure("there is nothing to go on from")
        case 401, 403:
            // The hub itself gave the file just now: an address with a signature may have expired.
            throw TransientFailure("status \(response.status.code)")
        default: try client.check(response, remote.repository, file: remote.file.path)
        }
        let missing = remote.byteCount - part.count
        if let length = response.headers.first(name: "Content-Length").flatMap({ Int($0) }),
            length > missing || response.status == .ok && length != missing
        {
            throw wrongSize("\(length) bytes are sent")
        }
        let etag = response.headers.first(name: "ETag")
        try part.setBodyETag(etag?.hasPrefix("\"") == true ? etag : nil)
    }

    private func receive(_ response: HTTPClientResponse, _ part: PartFile) async throws {
        do {
            for try await buffer in response.body {
                guard part.count + buffer.readableBytes <= remote.byteCount else {
                    throw wrongSize("more bytes are sent")
                }
                try part.append(Array(buffer.readableBytesView))
                client.report(.advanced(file: name, done: part.count, total: remote.byteCount))
            }
        } catch let error as ModelFileError {
            throw error
        } catch let error as FileError {
            throw error
        } catch {
            try Task.checkCancellation()
            throw TransientFailure(error, client.settings)
        }
        if !part.isWhole { throw TransientFailure("the connection was cut") }
    }

    private func wrongSize(_ what: String) -> ModelFileError {
        ModelFileError(
            .badFile,
            "'\(remote.file.path)' of \(remote.repository.repository): \(what), expected \(remote.byteCount); what came is deleted"
        )
    }
}
