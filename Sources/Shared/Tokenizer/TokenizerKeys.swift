/// What the metadata keys of a tokenizer may say.
enum TokenizerKeys {
    private static let prefix = "tokenizer.ggml."

    private static let rules: [String: MetadataRule] = [
        "model": .computed, "pre": .computed, "tokens": .computed, "token_type": .computed, "merges": .computed,
        "scores": .computed, "bos_token_id": .computed, "eos_token_id": .computed, "unknown_token_id": .computed,
        "eot_token_id": .computed, "eom_token_id": .computed, "add_bos_token": .computed,
        "add_space_prefix": .computed, "add_eos_token": .computed, "add_sep_token": .number(0),
        "remove_extra_whitespaces": .number(0),
        // For batches, classifiers, and fillings that are asked for in another way.
        "padding_token_id": .described, "seperator_token_id": .described, "separator_token_id": .described,
        "cls_token_id": .described, "mask_token_id": .described, "token_type_count": .described,
        "prefix_token_id": .described, "suffix_token_id": .described, "middle_token_id": .described,
        "fim_pre_token_id": .described, "fim_suf_token_id": .described, "fim_mid_token_id": .described,
        "fim_pad_token_id": .described, "fim_rep_token_id": .described, "fim_sep_token_id": .described,
        // They are among the tokens.
        "added_tokens": .described,
    ]

    /// - Throws: `CheckpointError` naming a key that is not known, or one that asks for what is not done: texts would become
    ///   other tokens than the file describes.
    static func check(_ metadata: Metadata) throws(CheckpointError) {
        for key in metadata.keys where key.hasPrefix(prefix) {
            guard let rule = rules[String(key.dropFirst(prefix.count))] else {
                throw CheckpointError(
                    "metadata key '\(key)' is not one that this engine knows; it may change how text becomes tokens")
            }
            try rule.check(metadata, key)
        }
    }
}
