import SpeculateShared

/// The metadata of the tokenizer and of the chat template.
enum TokenizerMetadata {
    static func add(
        _ folder: ModelFolder, _ config: Fields, count: Int, to metadata: inout Metadata
    ) throws(ModelFileError) {
        let files = try TokenizerFiles(folder)
        if files.isByteLevel {
            try ByteLevelTokens.add(files, count: count, to: &metadata)
        } else {
            try SentencePieceTokens.add(files, folder, count: count, to: &metadata)
        }
        try SpecialTokenMetadata.add(files, config, count: count, to: &metadata)
        try addTemplates(files, folder, to: &metadata)
        // What the engine would not read is better known before gigabytes are written.
        do throws(CheckpointError) {
            _ = try Tokenizer(metadata)
        } catch {
            throw ModelFileError(.badFile, "\(folder.path): its tokenizer is none that this engine reads: \(error)")
        }
    }

    private static func addTemplates(
        _ files: TokenizerFiles, _ folder: ModelFolder, to metadata: inout Metadata
    ) throws(ModelFileError) {
        let (jinja, json) = ("chat_template.jinja", "chat_template.json")
        let key = "tokenizer.chat_template"
        if let templates = files.settings?["chat_template"]?.array {
            var names = ByteStrings()
            for value in templates {
                guard let name = value.object?["name"]?.string, let text = value.object?["template"]?.string else {
                    throw files.settings!.wrong("chat_template", value, expected: "a name and a template")
                }
                let safe = String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
                metadata[safe == "default" ? key : "\(key).\(safe)"] = .string(text)
                if safe != "default" { names.append(safe.utf8) }
            }
            if !names.isEmpty { metadata["tokenizer.chat_templates"] = .array(.string(names)) }
        } else if let text = try files.settings?.optionalString("chat_template") {
            metadata[key] = .string(text)
        } else if folder.has(jinja) {
            metadata[key] = .string(try folder.text(of: jinja))
        } else if let text = try folder.optionalFields(of: json)?.optionalString("chat_template") {
            metadata[key] = .string(text)
        }
    }
}
