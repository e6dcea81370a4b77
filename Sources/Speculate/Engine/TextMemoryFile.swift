import SpeculateDrafter
import SpeculateShared

/// A file in which an engine keeps what it remembers of texts.
///
/// "speculate texts 2\\n", the tokenizer's fingerprint, then for each scope: client and salt (their lengths, −1 for none, and
/// bytes; client −2 for what all draft from), the tokens of texts with −1 between them (their number before them), and the
/// tables of what followed one token and two (their rows' number, then each row's key and tokens); at the end a hash of all
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
    /// - Throws: `EngineError` naming the file, if it cannot be read, written, or is not such a file of this tokenizer.
    func read() throws(EngineError) -> Contents {
        var bytes: [UInt8]?
        do throws(FileError) {
            try AtomicFile.check(path)
            bytes = try contents()
        } catch {
            throw EngineError(error, path: path)
        }
        guard let bytes else { return [] }
        guard let contents = bytes.withUnsafeBytes(parse) else {
            throw EngineError(
                .invalidCheckpoint,
                "\(path): expected a memory of this model's tokenizer, whole; remove it or name another file")
        }
        return contents
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
        func append(_ tokens: some Collection<Int32>) {
            append(Int32(tokens.count))
            for token in tokens { append(token) }
        }
        func append(_ rows: SavedTextMemory.Rows) {
            append(Int32(rows.count))
            for (key, likeliest) in rows {
                append(key)
                append(likeliest)
            }
        }
        append(fingerprint)
        for (scope, memory) in contents {
            if let scope {
                append(scope.client)
                append(scope.salt)
            } else {
                append(Self.common)
            }
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
        func tokens(from least: Int32) -> [Int32]? {
            guard let count = take(Int32.self), count >= 0, place + 4 * Int(count) <= body.count else { return nil }
            let tokens = (0..<Int(count)).map { _ in take(Int32.self)! }
            return tokens.allSatisfy { (least..<Int32(vocabulary)).contains($0) } ? tokens : nil
        }
        func rows() -> SavedTextMemory.Rows? {
            guard let count = take(Int32.self), count >= 0 else { return nil }
            var rows: SavedTextMemory.Rows = []
            for _ in 0..<count {
                guard let key = take(UInt64.self), let likeliest = tokens(from: 0) else { return nil }
                rows.append((key, likeliest[...]))
            }
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
            guard let texts = tokens(from: SuffixAutomaton.gap), let followers = rows(), let pairs = rows() else {
                return nil
            }
            contents.append((scope, SavedTextMemory(texts: texts, followers: followers, pairFollowers: pairs)))
        }
        return contents
    }
}
