import SpeculateDrafter
import SpeculateShared

/// A file in which an engine keeps what it remembers of texts: tokens alone, from which the automata are made again.
///
/// "speculate texts 1\\n", the tokenizer's fingerprint, then for each scope: client and salt (their lengths, −1 for none, and
/// bytes), the number of tokens, the tokens with −1 between texts; at the end a hash of all before it. Integers are
/// little-endian, of 32 bits, the hashes of 64.
struct TextMemoryFile {
    typealias Texts = [(scope: CacheScope, tokens: [Int32])]

    private static let magic = Array("speculate texts 1\n".utf8)

    private static let longest = 1 << 28

    let path: String
    /// The tokenizer's.
    let fingerprint: UInt64
    let vocabulary: Int

    /// Nothing where there is no file yet.
    /// - Throws: `EngineError` naming the file, if it cannot be read, written, or is not such a file of this tokenizer.
    func read() throws(EngineError) -> Texts {
        var bytes: [UInt8]?
        do throws(FileError) {
            try AtomicFile.check(path)
            bytes = try contents()
        } catch {
            throw EngineError(error, path: path)
        }
        guard let bytes else { return [] }
        guard let texts = parse(bytes) else {
            throw EngineError(
                .invalidCheckpoint,
                "\(path): expected a memory of this model's tokenizer, whole; remove it or name another file")
        }
        return texts
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
    func write(_ texts: Texts) throws(EngineError) {
        var bytes = Self.magic
        func append(_ number: some FixedWidthInteger) {
            withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
        }
        func append(_ text: String?) {
            append(Int32(text?.utf8.count ?? -1))
            bytes += text?.utf8 ?? "".utf8
        }
        append(fingerprint)
        for (scope, tokens) in texts {
            append(scope.client)
            append(scope.salt)
            append(Int32(tokens.count))
            for token in tokens { append(token) }
        }
        append(bytes.withUnsafeBufferPointer { FNV1a.hash($0) })
        do throws(FileError) {
            try AtomicFile.write(bytes, to: path, isPrivate: true)
        } catch {
            throw EngineError(error, path: path)
        }
    }

    /// nil where anything is not as written.
    private func parse(_ bytes: [UInt8]) -> Texts? {
        let body = bytes.dropLast(8)
        guard body.starts(with: Self.magic) else { return nil }
        var place = Self.magic.count
        func number<T: FixedWidthInteger>(_ type: T.Type, at place: Int, in bytes: some RandomAccessCollection<UInt8>)
            -> T?
        {
            guard
                let last = bytes.index(
                    bytes.startIndex, offsetBy: place + MemoryLayout<T>.size, limitedBy: bytes.endIndex)
            else { return nil }
            let first = bytes.index(bytes.startIndex, offsetBy: place)
            return bytes[first..<last].reversed().reduce(0) { $0 << 8 | T(truncatingIfNeeded: $1) }
        }
        func take<T: FixedWidthInteger>(_ type: T.Type) -> T? {
            guard let value = number(type, at: place, in: body) else { return nil }
            place += MemoryLayout<T>.size
            return value
        }
        func text() -> String?? {
            guard let count = take(Int32.self), count < 1 << 20 else { return nil }
            guard count >= 0 else { return .some(nil) }
            guard place + Int(count) <= body.count else { return nil }
            defer { place += Int(count) }
            return String(validating: body[place..<place + Int(count)], as: UTF8.self)
        }
        let hash = body.withUnsafeBufferPointer { FNV1a.hash($0) }
        guard number(UInt64.self, at: body.count, in: bytes[...]) == hash, take(UInt64.self) == fingerprint else {
            return nil
        }
        var texts: Texts = []
        while place < body.count {
            guard let client = text(), let salt = text(), let count = take(Int32.self), count >= 0,
                place + 4 * Int(count) <= body.count
            else { return nil }
            let tokens = (0..<Int(count)).map { _ in take(Int32.self)! }
            guard tokens.allSatisfy({ (SuffixAutomaton.gap..<Int32(vocabulary)).contains($0) }) else { return nil }
            texts.append((CacheScope(client: client, salt: salt), tokens))
        }
        return texts
    }
}
