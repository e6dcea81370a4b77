import SpeculateShared

/// What a folder says of its tokenizer.
struct TokenizerFiles {
    static let name = "tokenizer.json"
    static let sentencePieceName = "tokenizer.model"

    /// tokenizer.json, and the model in it.
    let json: Fields?
    let model: Fields?
    /// tokenizer_config.json.
    let settings: Fields?
    let added: [AddedToken]

    init(_ folder: ModelFolder) throws(ModelFileError) {
        json = try folder.optionalFields(of: Self.name)
        model = try json?.fields("model")
        settings = try folder.optionalFields(of: "tokenizer_config.json")
        guard json != nil || folder.has(Self.sentencePieceName) else {
            throw ModelFileError(
                .missing, "\(folder.path): has neither \(Self.name) nor \(Self.sentencePieceName)")
        }
        added = try Self.added(json, settings, folder)
    }

    /// Whether the vocabulary is of bytes, in GPT-2's alphabet, rather than of characters.
    var isByteLevel: Bool {
        guard let model, model["type"] == .string("BPE") else { return false }
        return model["byte_fallback"] != .bool(true)
    }

    private static func added(
        _ json: Fields?, _ settings: Fields?, _ folder: ModelFolder
    ) throws(ModelFileError) -> [AddedToken] {
        var tokens: [AddedToken] = []
        let ids = 0...1 << 24
        if let json {
            for (index, value) in try json.array("added_tokens").enumerated() {
                guard let object = value.object else {
                    throw json.wrong("added_tokens", value, expected: "a list of objects")
                }
                let fields = Fields(object, "\(name): added_tokens, entry \(index)")
                tokens.append(try AddedToken(fields, id: try fields.integer("id", in: ids)))
            }
        } else if let decoder = try settings?.optionalFields("added_tokens_decoder") {
            for member in decoder.object.members {
                guard let object = member.value.object, let id = Int(member.key), ids.contains(id) else {
                    throw decoder.wrong(member.key, member.value, expected: "an object below a token's id")
                }
                tokens.append(try AddedToken(Fields(object, "\(decoder.place): \(member.key)"), id: id))
            }
        } else if let others = try folder.optionalFields(of: "added_tokens.json") {
            for member in others.object.members {
                tokens.append(AddedToken(id: try others.integer(member.key, in: ids), text: member.key))
            }
        }
        return tokens
    }
}
