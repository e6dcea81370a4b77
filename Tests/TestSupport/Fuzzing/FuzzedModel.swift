/// A verifier's or drafter's file being mutated.
struct FuzzedModel {
    /// If a tensor would need more, its size changes but its bytes do not.
    private static let greatestTensorBytes = 5 << 20

    var file: LooseCheckpoint
    var shape = FuzzedShape()
    /// Applied to the file's bytes at the end.
    var damage: [Edit] = []
    let architecture: String

    init(fixture: String) throws {
        file = LooseCheckpoint(try Fixtures.bytes(fixture))
        guard case .string(let name) = file["general.architecture"] else { preconditionFailure(fixture) }
        architecture = String(decoding: name, as: UTF8.self)
        if let norm = file.tensors.first(where: { $0.name == "output_norm.weight" }) {
            shape.hidden = Int(norm.sizes[0])
        }
        if let list = file.tensors.first(where: { $0.name == "d2t" }) { shape.drafted = Int(list.sizes[0]) }
    }

    var isDrafter: Bool { architecture == "dflash" }

    mutating func apply(_ edit: Edit) {
        switch edit.operation.topic {
        case .metadata: editMetadata(edit)
        case .tensors: editTensors(edit)
        case .tokens: editTokens(edit)
        case .damage: damage.append(edit)
        }
    }

    func bytes() -> [UInt8] {
        var bytes = file.bytes()
        for edit in damage where !bytes.isEmpty { Self.damage(&bytes, edit) }
        return bytes
    }

    /// Makes every tensor, key and list match the shape.
    mutating func reshape() {
        reshapeLayers()
        for (key, size) in shape.keys where file["\(architecture).\(key)"] != nil {
            file.set("\(architecture).\(key)", to: size)
        }
        reshapeVocabulary()
        for index in file.tensors.indices {
            guard let sizes = shape.sizes(of: file.tensors[index].name) else { continue }
            resize(index, to: sizes.map { UInt64(clamping: max($0, 1)) })
        }
        guard isDrafter else { return }
        file["dflash.target_layers"] = .array(
            of: 5, (1...min(max(shape.taps, 1), 64)).map { LooseValue.number(type: 5, [UInt8($0), 0, 0, 0]) })
        if let list = file.tensors.firstIndex(where: { $0.name == "d2t" }) {
            file.tensors[list].bytes = (0..<file.tensors[list].bytes.count / 8).flatMap {
                withUnsafeBytes(of: Int64($0 % max(shape.vocabulary, 1))) { Array($0) }
            }
        }
    }

    private mutating func reshapeLayers() {
        let layers = file.tensors.filter { $0.name.hasPrefix("blk.0.") }
        file.tensors.removeAll { tensor in
            guard tensor.name.hasPrefix("blk.") else { return false }
            return Int(tensor.name.split(separator: ".")[1]) ?? 0 >= shape.layers
        }
        for layer in 2..<min(max(shape.layers, 2), 8) {
            for var tensor in layers {
                tensor.name = "blk.\(layer)." + tensor.name.dropFirst("blk.0.".count)
                if !file.tensors.contains(where: { $0.name == tensor.name }) { file.tensors.append(tensor) }
            }
        }
    }

    private mutating func reshapeVocabulary() {
        guard shape.vocabulary <= 1 << 14 else { return }
        var tokens = file["tokenizer.ggml.tokens"]?.strings ?? []
        tokens = Array(tokens.prefix(shape.vocabulary))
        while tokens.count < shape.vocabulary { tokens.append(Array("t\(tokens.count)".utf8)) }
        file["tokenizer.ggml.tokens"]?.strings = tokens
        if case .array(let type, var kinds) = file["tokenizer.ggml.token_type"], let first = kinds.first {
            kinds = Array(kinds.prefix(shape.vocabulary))
            while kinds.count < shape.vocabulary { kinds.append(first) }
            file["tokenizer.ggml.token_type"] = .array(of: type, kinds)
        }
        if case .number(_, let id) = file["tokenizer.ggml.eos_token_id"], id.count >= 2,
            Int(id[0]) | Int(id[1]) << 8 >= shape.vocabulary
        {
            file.set("tokenizer.ggml.eos_token_id", to: shape.vocabulary - 1)
        }
    }

    /// Sets a tensor's sizes and repeats or cuts its bytes to match.
    mutating func resize(_ index: Int, to sizes: [UInt64]) {
        file.tensors[index].sizes = sizes
        guard let bytes = file.tensors[index].soundByteCount, (1...Self.greatestTensorBytes).contains(bytes) else {
            return
        }
        var data = file.tensors[index].bytes
        guard data.count != bytes, !data.isEmpty else { return }
        while data.count < bytes { data += data.prefix(bytes - data.count) }
        file.tensors[index].bytes = Array(data.prefix(bytes))
    }
}
