/// What a checkpoint's `tokenizer.ggml.pre` stands for: the rule by which text is cut, and what else goes with it.
package struct PreTokenizer: Hashable, Sendable {
    /// As the checkpoint spells it.
    package let name: String
    let rule: PieceRule
    /// Whether a piece that equals a token becomes that token, regardless of merges.
    let prefersWholePiece: Bool
    /// Whether a text starts with the begin token where the checkpoint does not say.
    package let addsBeginToken: Bool

    /// - Returns: nil if the name is not known.
    package init?(name: String) {
        guard let family = Self.families.first(where: { $0.names.contains(name) }) else { return nil }
        self.name = name
        rule = family.rule
        prefersWholePiece = family.prefersWholePiece
        addsBeginToken = family.addsBeginToken
    }

    package static var names: [String] { families.flatMap(\.names) }

    /// Names that mean the same.
    private struct Family {
        let names: [String]
        let rule: PieceRule
        var prefersWholePiece = false
        var addsBeginToken = false
    }

    private static let families = [
        Family(
            names: [
                "smollm", "refact", "starcoder", "command-r", "codeshell", "exaone", "minerva-7b", "mellum2",
            ], rule: .smollm),
        Family(
            names: [
                "gpt-2", "phi-2", "exaone4", "mellum", "modern-bert", "gigachat", "a.x-4.0", "mpt", "olmo", "jais",
                "trillion", "granite-docling",
            ], rule: .gpt2),
        Family(
            names: ["llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2"],
            rule: .llama3, prefersWholePiece: true, addsBeginToken: true),
        Family(names: ["glm4", "glm5"], rule: .llama3, prefersWholePiece: true),
        Family(names: ["dbrx", "smaug-bpe", "chatglm-bpe"], rule: .llama3),
        Family(
            names: [
                "qwen2", "deepseek-r1-qwen", "megrez", "kormo", "stablelm2", "hunyuan", "solar-open", "grok-2",
            ], rule: .qwen2),
        Family(names: ["qwen35"], rule: .qwen35),
        Family(names: ["tekken"], rule: .tekken, prefersWholePiece: true, addsBeginToken: true),
        Family(names: ["gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"], rule: .gpt4o),
        Family(names: ["deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"], rule: .deepSeek3),
    ]
}
