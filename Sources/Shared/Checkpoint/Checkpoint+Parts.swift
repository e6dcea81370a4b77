extension Checkpoint {
    /// The file at `path`, and the other parts of its model if it is the first of several.
    /// - Throws: `FileError` for a part that is missing or cannot be read; `CheckpointError` for one that is not valid, not
    ///   of this model, or not the first.
    static func parts(from path: String) throws -> [CheckpointPart] {
        let first = try CheckpointPart(path: path)
        let number = try first.metadata.optionalInteger("split.no", in: 0...ModelFileName.Part.greatest - 1) ?? 0
        let count = try first.metadata.optionalInteger("split.count", in: 0...ModelFileName.Part.greatest) ?? 1
        guard number < max(count, 1) else {
            throw CheckpointError.invalid(
                key: "split.no", value: number, expected: "less than split.count, which is \(count)")
        }
        guard count > 1 else { return [first] }
        let named = ModelFileName.Part.path(of: 1, from: path)
        guard number == 0 else {
            throw CheckpointError(
                "this is part \(number + 1) of \(count) of a model, expected the first\(named.map { ", \($0)" } ?? "")")
        }
        guard named == path, ModelFileName.Part(endOf: path)?.count == count else {
            throw CheckpointError(
                "this is the first of a model's \(count) files, and what they are called is in its name, expected one that "
                    + "ends in '\(ModelFileName.Part(number: 1, count: count)).gguf'")
        }
        var parts = [first]
        for number in 1..<count {
            guard let path = ModelFileName.Part.path(of: number + 1, from: path) else { break }
            parts.append(try part(number, of: count, at: path, after: first))
        }
        try check(parts)
        return parts
    }

    private static func part(
        _ number: Int, of count: Int, at path: String, after first: CheckpointPart
    ) throws -> CheckpointPart {
        do {
            let part = try CheckpointPart(path: path)
            try part.check(isPart: number, of: count, beginningWith: first.metadata)
            return part
        } catch let error as FileError {
            throw FileError(
                path: path, isMissing: error.isMissing,
                reason: "\(error.reason); it is part \(number + 1) of the \(count) that begin with \(first.file.path)")
        } catch let error as CheckpointError {
            throw CheckpointError("part \(number + 1) of \(count), \(path): \(error)")
        }
    }

    /// - Throws: `CheckpointError` unless the parts together have the tensors that the first one counts, each once.
    private static func check(_ parts: [CheckpointPart]) throws(CheckpointError) {
        var numbers: [String: Int] = [:]
        for (number, part) in parts.enumerated() {
            for tensor in part.contents.tensors {
                guard let other = numbers.updateValue(number, forKey: tensor.name) else { continue }
                throw .tensor(tensor.name, "is in part \(other + 1) and in part \(number + 1)")
            }
        }
        let key = "split.tensors.count"
        let expected = try parts[0].metadata.integer(key, in: 0...Int.max)
        guard expected == numbers.count else {
            throw .invalid(
                key: key, value: expected, expected: "\(numbers.count), as many as the \(parts.count) parts have")
        }
    }
}
