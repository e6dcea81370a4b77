import Foundation
import SpeculateShared

/// A folder as the Hugging Face libraries keep a model.
struct ModelFolder: Sendable {
    /// The largest vocabularies have some 30 MB of JSON.
    private static let greatestText = 256 << 20

    let path: String

    init(path: String) throws(ModelFileError) {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw ModelFileError(errno == ENOENT ? .missing : .runtime, "\(path): \(String(cString: strerror(errno)))")
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw ModelFileError(
                .usage, "\(path): is a file, expected a folder with config.json, tokenizer.json and safetensors")
        }
        self.path = path
    }

    /// The folder's own name, also where the path is `.`.
    static func name(of path: String) -> String {
        URL(fileURLWithPath: path).standardizedFileURL.lastPathComponent
    }

    func location(of name: String) -> String { path.hasSuffix("/") ? path + name : "\(path)/\(name)" }

    func has(_ name: String) -> Bool { access(location(of: name), F_OK) == 0 }

    func open(_ name: String) throws(ModelFileError) -> ReadableFile {
        do throws(FileError) {
            return try ReadableFile(path: location(of: name))
        } catch {
            throw ModelFileError(error.isMissing ? .missing : .badFile, error.description)
        }
    }

    /// A small file's bytes.
    func bytes(of name: String) throws(ModelFileError) -> [UInt8] {
        let file = try open(name)
        guard file.byteCount <= Self.greatestText else {
            throw .bad(name, "has \(file.byteCount) bytes, expected at most \(Self.greatestText)")
        }
        var bytes = [UInt8](repeating: 0, count: file.byteCount)
        try file.fill(&bytes, at: 0)
        return bytes
    }

    func text(of name: String) throws(ModelFileError) -> String {
        guard let text = String(validating: try bytes(of: name), as: UTF8.self) else {
            throw .bad(name, "is not UTF-8")
        }
        return text
    }

    /// - Throws: `ModelFileError` if the file is missing or is no object.
    func fields(of name: String) throws(ModelFileError) -> Fields {
        let value = try JSONParser.parse(try bytes(of: name), file: name)
        guard let object = value.object else { throw .bad(name, "is \(value.summary), expected an object") }
        return Fields(object, name)
    }

    func optionalFields(of name: String) throws(ModelFileError) -> Fields? {
        has(name) ? try fields(of: name) : nil
    }
}

extension ReadableFile {
    /// Fills the array with the bytes starting at `offset`.
    func fill(_ bytes: inout [UInt8], at offset: Int) throws(ModelFileError) {
        var failure: FileError?
        bytes.withUnsafeMutableBytes { buffer in
            do throws(FileError) { try read(buffer, at: offset) } catch { failure = error }
        }
        if let failure { throw ModelFileError(.runtime, failure.description) }
    }
}
