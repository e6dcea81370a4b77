import SpeculateShared

/// Which tokens begin and end a text, and whether every text gets them.
enum SpecialTokenMetadata {
    /// What the files of the folder call a token, and the metadata.
    private static let names = [
        ("bos", "bos"), ("eos", "eos"), ("unk", "unknown"), ("sep", "seperator"), ("pad", "padding"), ("cls", "cls"),
        ("mask", "mask"),
    ]

    static func add(
        _ files: TokenizerFiles, _ config: Fields, count: Int, to metadata: inout Metadata
    ) throws(ModelFileError) {
        let around = try surroundings(files)
        for (name, key) in names {
            if let id = try id(name, files, config, first: around.first), id < count {
                metadata["tokenizer.ggml.\(key)_token_id"] = .uint32(UInt32(id))
            }
        }
        if let first = around.first {
            let begin = files.added.first { $0.text.utf8.elementsEqual(first.utf8) }?.id
            guard let begin, metadata["tokenizer.ggml.bos_token_id"] == .uint32(UInt32(begin)) else {
                throw .bad(
                    TokenizerFiles.name,
                    "its post_processor begins texts with \(excerpt(first)), expected the token that "
                        + "begins a text (bos_token)")
            }
        }
        let addsBegin = try around.isKnown ? around.first != nil : files.settings?.optionalBool("add_bos_token")
        let addsEnd = try around.isKnown ? false : files.settings?.optionalBool("add_eos_token")
        if let addsBegin { metadata["tokenizer.ggml.add_bos_token"] = .bool(addsBegin) }
        if let addsEnd { metadata["tokenizer.ggml.add_eos_token"] = .bool(addsEnd) }
        // Where nothing is said, the library adds none, but readers of the file go by the pre-tokenizer's name.
        let pre = (try? metadata.optionalString("tokenizer.ggml.pre")).flatMap { $0 }.flatMap(PreTokenizer.init(name:))
        if addsBegin == nil, files.isByteLevel, pre?.addsBeginToken == true {
            metadata["tokenizer.ggml.add_bos_token"] = .bool(false)
        }
    }

    /// By its text in tokenizer_config.json, else by its number in config.json.
    private static func id(
        _ name: String, _ files: TokenizerFiles, _ config: Fields, first: String?
    ) throws(ModelFileError) -> Int? {
        let entry = files.settings?["\(name)_token"]
        let text = entry?.string ?? entry?.object?["content"]?.string ?? (name == "bos" ? first : nil)
        if let text, let token = files.added.first(where: { $0.text.utf8.elementsEqual(text.utf8) }) { return token.id }
        // A list of numbers, as for what ends a turn, is known to the engine by the tokens' texts.
        guard let value = config["\(name)_token_id"], value.array == nil else { return nil }
        return try config.optionalInteger("\(name)_token_id", in: -1...1 << 24).flatMap { $0 < 0 ? nil : $0 }
    }

    /// What tokenizer.json puts around a text.
    private static func surroundings(
        _ files: TokenizerFiles
    ) throws(ModelFileError) -> (isKnown: Bool, first: String?) {
        guard let root = try files.json?.optionalFields("post_processor") else { return (false, nil) }
        var steps = [root]
        if root["type"] == .string("Sequence") {
            steps = try root.array("processors").compactMap(\.object).map { Fields($0, root.place) }
        }
        var first: String?
        var isKnown = false
        for step in steps {
            switch step["type"]?.string {
            case "ByteLevel": isKnown = true
            case "TemplateProcessing":
                let parts = try step.array("single").compactMap(\.object)
                let special = parts.map { $0["SpecialToken"]?.object?["id"]?.string }
                guard (1...2).contains(special.count), special[special.count - 1] == nil else {
                    throw step.wrong(
                        "single", step["single"], expected: "at most a token that begins a text, and nothing after it")
                }
                if let token = special[0] {
                    first = token
                    isKnown = true
                }
            default: throw step.wrong("type", step["type"], expected: "'ByteLevel' or 'TemplateProcessing'")
            }
        }
        return (isKnown, first)
    }
}
