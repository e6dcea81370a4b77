/// One of a checkpoint's files: all of it, or a part of a model that is split.
struct CheckpointPart: Sendable {
    let file: ReadableFile
    let contents: Checkpoint.Contents

    /// - Throws: `FileError` if the file cannot be read, `CheckpointError` if it is not a valid GGUF file.
    init(path: String) throws {
        let file = try ReadableFile(path: path)
        self.file = file
        contents = try Checkpoint.parse(
            ByteReader(count: file.byteCount) { buffer, offset throws(FileError) in
                try file.read(buffer, at: offset)
            })
    }

    var metadata: Metadata { contents.metadata }

    /// - Parameter number: counted from 0.
    /// - Throws: `CheckpointError` naming the key that says that this is not that part of the model that `first` begins.
    func check(isPart number: Int, of count: Int, beginningWith first: Metadata) throws(CheckpointError) {
        for (key, expected) in [("split.no", number), ("split.count", count)] {
            let value = try metadata.integer(key, in: 0...Int.max)
            guard value == expected else {
                throw .invalid(key: key, value: value, expected: "\(expected), which the file's name says")
            }
        }
        // Later parts repeat nothing or what the first one says; how tensors are aligned is each file's own.
        let own = ["split.no", "split.count", "general.alignment"]
        for key in metadata.keys where !own.contains(key) {
            guard let value = metadata[key], value != first[key] else { continue }
            let expected =
                first[key].map { "\($0.summary), which the first part says" } ?? "what the first part has too"
            throw .invalid(key: key, value: value.summary, expected: expected)
        }
    }
}
