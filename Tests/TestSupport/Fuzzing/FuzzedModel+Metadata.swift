extension FuzzedModel {
    /// Keys missing in the fixtures; the architecture's name is prepended if they begin with a full stop.
    private static let furtherKeys: [(String, UInt32)] = [
        ("general.alignment", 4), (".attention.sliding_window", 4), (".expert_count", 4), (".rope.scaling.factor", 6),
        (".attention.causal", 7), (".sample_from_anchor", 7), (".block_size", 4), (".context_length", 10),
        (".attention.head_count_kv", 4), ("tokenizer.ggml.bos_token_id", 4), ("tokenizer.ggml.add_bos_token", 7),
        ("tokenizer.ggml.eot_token_id", 4), ("tokenizer.ggml.mask_token_id", 4), ("speculate.schedule.2", 9),
        ("speculate.schedule.3", 9), ("speculate.schedule.8", 9), (".attention.sliding_window_pattern", 9),
        ("tokenizer.ggml.token_type", 9), ("general.name", 8), ("general.file_type", 4),
    ]
    private static let texts: [(String, String)] = [
        ("tokenizer.ggml.pre", "smollm"), ("tokenizer.ggml.pre", "qwen2"), ("tokenizer.ggml.pre", "llama-bpe"),
        ("tokenizer.ggml.pre", "gpt-2"), (".rope.scaling.type", "linear"), (".rope.scaling.type", "none"),
        ("tokenizer.chat_template", "{{ '<|im_start|>' }}"), ("tokenizer.chat_template", "<|start_header_id|>"),
        ("general.architecture", "llama"), ("general.architecture", "qwen2"), ("general.architecture", "qwen3"),
        ("general.architecture", "dflash"), ("general.name", ""), ("speculate.verifier.fingerprint", ""),
    ]

    mutating func editMetadata(_ edit: Edit) {
        guard !file.pairs.isEmpty else { return }
        let index = Int(edit.place) % file.pairs.count
        let type = file.pairs[index].type
        switch edit.operation {
        case .setNumber: file.pairs[index].value = LooseValue(edit.number, type: type)
        case .changeType:
            // 13 is not a type. If the value stays, it is read as another type.
            file.pairs[index].type = UInt32(edit.place) % 14
            if edit.c % 2 == 0 {
                file.pairs[index].value = LooseValue(edit.number, type: file.pairs[index].type)
            }
        case .removeKey: file.pairs.remove(at: index)
        case .repeatKey: file.pairs.append(file.pairs[index])
        case .renameKey: file.pairs[index].key = named(Self.furtherKeys[Int(edit.a) % Self.furtherKeys.count].0)
        case .addKey:
            if edit.place < 128 {
                let (key, type) = Self.furtherKeys[Int(edit.place) % Self.furtherKeys.count]
                file[named(key)] = LooseValue(edit.number, type: type)
                if key == "general.alignment", edit.c % 2 == 0, [1, 64, 4096].contains(edit.number.integer) {
                    file.alignment = Int(edit.number.integer)
                }
            } else {
                let (key, text) = Self.texts[Int(edit.place) % Self.texts.count]
                file[named(key)] = .text(text)
            }
        case .resizeArray:
            editArray(index) { type, elements in
                let count = min(edit.number.size - (edit.number.integer == 0 ? 1 : 0), 4096)
                elements = Array(elements.prefix(count))
                let last = elements.last ?? LooseValue(LooseNumber(1, low: 0, high: 0), type: type)
                while elements.count < count { elements.append(last) }
            }
        case .setElement:
            editArray(index) { type, elements in
                guard !elements.isEmpty else { return }
                elements[Int(edit.c) % elements.count] = LooseValue(edit.number, type: type)
            }
        default: setCounts(edit)
        }
    }

    private func named(_ key: String) -> String { key.hasPrefix(".") ? architecture + key : key }

    /// Edits the first array at or after this index.
    private mutating func editArray(_ start: Int, _ change: (UInt32, inout [LooseValue]) -> Void) {
        for offset in file.pairs.indices {
            let index = (start + offset) % file.pairs.count
            guard case .array(let type, var elements) = file.pairs[index].value else { continue }
            change(type, &elements)
            file.pairs[index].value = .array(of: type, elements)
            return
        }
    }

    private mutating func setCounts(_ edit: Edit) {
        let number = UInt64(bitPattern: edit.number.integer)
        switch edit.place % 6 {
        case 0: file.tensorCount = number
        case 1: file.pairCount = number
        case 2: file.tensorCount = UInt64(max(file.tensors.count - 1, 0))
        case 3: file.pairCount = UInt64(max(file.pairs.count - 1, 0))
        case 4: file.version = UInt32(truncatingIfNeeded: number)
        default: file.alignment = [1, 2, 16, 64, 4096][Int(edit.a) % 5]
        }
    }
}
