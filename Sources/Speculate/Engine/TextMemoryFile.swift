import SpeculateDrafter
import SpeculateShared

/// A file in which an engine keeps what it remembers of texts.
///
/// "speculate texts 2\\n", the tokenizer's fingerprint, then for each scope: client and salt (their lengths, −1 for none, and
/// bytes; client −2 for what all draft from), the tokens of texts with −1 between them (their number before them), and the
/// tables of what followed one token and two (their rows' number, their keys, and 8 tokens for each); at the end a hash of all
/// before it. Integers are little-endian, of 32 bits, fingerprint, keys and hash of 64.
struct TextMemoryFile {
    /// What all draft from has no scope.
    typealias Contents = [(scope: CacheScope?, memory: SavedTextMemory)]

    private static let magic = Array("speculate texts 2\n".utf8)
    /// Stands for a client's length where there is no scope.
    private static let common: Int32 = -2

    private static let longest = 1 << 28

    let path: String
    /// The tokenizer's.
    let fingerprint: UInt64
    let vocabulary: Int

    /// Nothing where there is no file yet.
    /// - Parameter isKept: whether it will be written again.
    /// - Throws: `EngineError` naming the file, if it cannot be read, written, or is not such a file of this tokenizer.
    func read(isKept: Bool = true) throws(EngineError) -> Contents {
        var bytes: [UInt8]?
        do throws(FileError) {
            if isKept { try AtomicFile.check(path) }
            bytes = try contents()
        } catch {
            throw EngineError(error, path: path)
        }
        guard let bytes else { return [] }
        guard let contents = bytes.withUnsafeBytes(parse) else {
            throw EngineError(.invalidCheckpoint, "\(path) \(problem(bytes)); remove it or name another file")
        }
        return contents
    }

    /// Why a file cannot be parsed.
    private func problem(_ bytes: [UInt8]) -> String {
        guard bytes.starts(with: Self.magic) else { return "is no file of remembered texts" }
        let tokenizer = withUnsafeBytes(of: fingerprint.littleEndian, Array.init)
        return bytes.dropFirst(Self.magic.count).starts(with: tokenizer)
            ? "is damaged" : "belongs to a model with another tokenizer"
    }

    /// nil if there is no file. One that is far too long is not read.
    private func contents() throws(FileError) -> [UInt8]? {
        let file: ReadableFile
        do throws(FileError) {
            file = try ReadableFile(path: path)
        } catch {
            guard error.isMissing else { throw error }
            return nil
        }
        guard file.byteCount <= Self.longest else { return [] }
        var bytes = [UInt8](repeating: 0, count: file.byteCount)
        let failure: FileError? = bytes.withUnsafeMutableBytes { buffer in
            do throws(FileError) {
                try file.read(buffer, at: 0)
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Written beside and renamed, for the user's eyes alone.
    func write(_ contents: Contents) throws(EngineError) {
        var bytes = Self.magic
        func append(_ number: some FixedWidthInteger) {
            withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
        }
        func append(_ text: String?) {
            append(Int32(text?.utf8.count ?? -1))
            bytes += text?.utf8 ?? "".utf8
        }
        // Every processor that this runs on is little-endian.
        func append(_ numbers: [some FixedWidthInteger & BitwiseCopyable]) { numbers.withUnsafeBytes { bytes += $0 } }
        func append(_ rows: FollowerTable.Rows) {
            append(Int32(rows.keys.count))
            append(rows.keys)
            append(rows.followers)
        }
        append(fingerprint)
        for (scope, memory) in contents {
            if let scope {
                append(scope.client)
                append(scope.salt)
            } else {
                append(Self.common)
            }
            append(Int32(memory.texts.count))
            append(memory.texts)
            append(memory.followers)
            append(memory.pairFollowers)
        }
        append(bytes.withUnsafeBufferPointer { FNV1a.hash($0) })
        do throws(FileError) {
            try AtomicFile.write(bytes, to: path, isPrivate: true)
        } catch {
            throw EngineError(error, path: path)
        }
    }

    /// nil where anything is not as written.
    private func parse(_ bytes: UnsafeRawBufferPointer) -> Contents? {
        guard bytes.count >= Self.magic.count + 16, bytes.starts(with: Self.magic) else { return nil }
        let body = UnsafeRawBufferPointer(rebasing: bytes.dropLast(8))
        let hash = body.withMemoryRebound(to: UInt8.self) { FNV1a.hash($0) }
        guard UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: body.count, as: UInt64.self)) == hash else {
            return nil
        }
        var place = Self.magic.count
        func take<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type) -> T? {
            guard place + MemoryLayout<T>.size <= body.count else { return nil }
            defer { place += MemoryLayout<T>.size }
            return T(littleEndian: body.loadUnaligned(fromByteOffset: place, as: T.self))
        }
        func text(_ count: Int32) -> String?? {
            guard count >= 0 else { return count == -1 ? .some(nil) : nil }
            guard place + Int(count) <= body.count else { return nil }
            defer { place += Int(count) }
            return String(validating: body[place..<place + Int(count)], as: UTF8.self)
        }
        func take<T: FixedWidthInteger & BitwiseCopyable>(_ count: Int32, of type: T.Type) -> [T]? {
            let size = MemoryLayout<T>.size * Int(count)
            guard count >= 0, place + size <= body.count else { return nil }
            defer { place += size }
            return [T](unsafeUninitializedCapacity: Int(count)) { numbers, filled in
                UnsafeMutableRawBufferPointer(numbers).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: body[place..<place + size]))
                filled = Int(count)
            }
        }
        // Gaps between texts and the ends of rows are −1.
        func tokens(_ count: Int32) -> [Int32]? {
            guard let tokens = take(count, of: Int32.self) else { return nil }
            return tokens.allSatisfy { (-1..<Int32(vocabulary)).contains($0) } ? tokens : nil
        }
        func rows() -> FollowerTable.Rows? {
            guard let count = take(Int32.self), count < Int32.max / Int32(FollowerTable.width),
                let keys = take(count, of: UInt64.self),
                let followers = tokens(count * Int32(FollowerTable.width))
            else { return nil }
            var rows = FollowerTable.Rows()
            (rows.keys, rows.followers) = (keys, followers)
            return rows
        }
        guard take(UInt64.self) == fingerprint else { return nil }
        var contents: Contents = []
        while place < body.count {
            var scope: CacheScope?
            guard let length = take(Int32.self) else { return nil }
            if length != Self.common {
                guard let client = text(length), let salted = take(Int32.self), let salt = text(salted) else {
                    return nil
                }
                scope = CacheScope(client: client, salt: salt)
            }
            guard let count = take(Int32.self), let texts = tokens(count), let followers = rows(), let pairs = rows()
            else {
                return nil
            }
            contents.append((scope, SavedTextMemory(texts: texts, followers: followers, pairFollowers: pairs)))
        }
        return contents
    }
}
