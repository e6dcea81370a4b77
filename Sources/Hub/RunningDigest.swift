import Crypto
import SpeculateShared

/// Hashes a file's bytes as they come.
struct RunningDigest {
    private static let chunk = 1 << 20

    private var sha256 = SHA256()
    private var gitBlob: Insecure.SHA1?

    init(for expected: ExpectedDigest, byteCount: Int) {
        if case .gitBlob = expected {
            gitBlob = Insecure.SHA1()
            gitBlob?.update(data: Array("blob \(byteCount)\0".utf8))
        }
    }

    mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { bytes in
            sha256.update(bufferPointer: bytes)
            gitBlob?.update(bufferPointer: bytes)
        }
    }

    /// Adds the first `count` bytes of a file.
    mutating func update(with file: ReadableFile, count: Int) throws(FileError) {
        var chunk = [UInt8](repeating: 0, count: min(count, Self.chunk))
        var done = 0
        while done < count {
            if count - done < chunk.count { chunk.removeLast(chunk.count - (count - done)) }
            do {
                try chunk.withUnsafeMutableBytes { try file.read($0, at: done) }
            } catch {
                throw error as! FileError
            }
            update(chunk)
            done += chunk.count
        }
    }

    var sha256Hex: String { Self.hex(sha256.finalize()) }

    /// What was found instead of what was expected; nil if it is that.
    func mismatch(with expected: ExpectedDigest) -> String? {
        let (found, wanted) =
            switch expected {
            case .sha256(let wanted): (sha256Hex, wanted)
            case .gitBlob(let wanted): (gitBlob.map { Self.hex($0.finalize()) } ?? "", wanted)
            }
        return found == wanted ? nil : "hashes to \(found), expected \(wanted)"
    }

    private static func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
