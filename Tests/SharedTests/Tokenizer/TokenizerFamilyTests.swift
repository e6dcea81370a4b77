import Foundation
import SpeculateShared
import TestSupport
import Testing

/// The tokenizers of the families beyond the default model's, against goldens of `make_tokenizers.py`.
@Suite struct TokenizerFamilyTests {
    private static let strings = Result { try Fixtures.lines("tokenizers.jsonl", as: String.self) }
    static let byteLevel = ["tekken", "gpt-4o", "qwen35", "deepseek-v3", "gpt-2", "smollm", "llama-bpe", "qwen2"]
    static let sentencePiece = ["spm-llama", "spm-gemma", "spm-plain", "spm-ties"]

    func tokenizer(_ name: String, _ change: (inout Metadata) -> Void = { _ in }) throws -> Tokenizer {
        let isSentencePiece = Self.sentencePiece.contains(name)
        var metadata = try Checkpoint(path: Fixtures.path("\(isSentencePiece ? name : "byte-level").gguf")).metadata
        if !isSentencePiece { metadata["tokenizer.ggml.pre"] = .string(name) }
        change(&metadata)
        return try Tokenizer(metadata)
    }

    /// Replaces tokens by others of a kind.
    func put(
        _ tokens: [Int: (text: String, kind: TokenKind)]
    ) -> (inout Metadata) -> Void {
        { metadata in
            guard case .array(.string(let texts)) = metadata["tokenizer.ggml.tokens"],
                case .array(.int32(var kinds)) = metadata["tokenizer.ggml.token_type"]
            else { return }
            var changed = ByteStrings()
            for (id, text) in texts.enumerated() { changed.append(tokens[id].map { Array($0.text.utf8)[...] } ?? text) }
            for (id, token) in tokens { kinds[id] = Int32(token.kind.rawValue) }
            metadata["tokenizer.ggml.tokens"] = .array(.string(changed))
            metadata["tokenizer.ggml.token_type"] = .array(.int32(kinds))
        }
    }

    /// Per string a count and the ids, each uint16.
    private func goldens(_ name: String) throws -> [[Int32]] {
        let bytes = try Fixtures.bytes("\(name).ids")
        let numbers = stride(from: 0, to: bytes.count, by: 2).map { Int32(bytes[$0]) | Int32(bytes[$0 + 1]) << 8 }
        var rows: [[Int32]] = []
        var index = 0
        while index < numbers.count {
            let end = index + 1 + Int(numbers[index])
            rows.append(Array(numbers[index + 1..<end]))
            index = end
        }
        return rows
    }

    func text(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }

    // MARK: Conformance

    @Test(
        "token ids are those of the Hugging Face library and of SentencePiece on over 3,000 strings",
        arguments: byteLevel + sentencePiece)
    func conformance(name: String) throws {
        let tokenizer = try tokenizer(name)
        let (strings, goldens) = (try Self.strings.get(), try goldens(name))
        #expect(strings.count > 3000 && strings.count == goldens.count)
        for (text, ids) in zip(strings, goldens) {
            let found = tokenizer.encode(text)
            #expect(found == ids, "\(text.debugDescription)")
        }
    }

    /// What each name stands for in llama.cpp's table: the rule that a golden file is for, by name.
    private static let rules = [
        "gpt-2": [
            "gpt-2", "phi-2", "exaone4", "mellum", "modern-bert", "gigachat", "a.x-4.0", "mpt", "olmo", "jais",
            "trillion", "granite-docling",
        ],
        "smollm": ["smollm", "refact", "starcoder", "command-r", "codeshell", "exaone", "minerva-7b", "mellum2"],
        "llama-bpe": [
            "llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "glm4", "glm5",
        ],
        // The same expression, without looking for a whole piece first.
        "dbrx": ["dbrx", "smaug-bpe", "chatglm-bpe"],
        "qwen2": [
            "qwen2", "deepseek-r1-qwen", "megrez", "kormo", "stablelm2", "hunyuan", "solar-open", "grok-2",
        ],
        "qwen35": ["qwen35"], "tekken": ["tekken"],
        "gpt-4o": ["gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"],
        "deepseek-v3": ["deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"],
    ]
    /// Names whose texts begin with the begin token where a file does not say.
    private static let beginning: Set = [
        "llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "tekken",
    ]

    @Test("every name gives the ids of the rule that llama.cpp's table has for it", arguments: PreTokenizer.names)
    func aliases(name: String) throws {
        let rule = try #require(Self.rules.first { $0.value.contains(name) }?.key, "\(name) is in no row of the table")
        let tokenizer = try tokenizer(name)
        #expect(tokenizer.addsBeginToken == Self.beginning.contains(name))
        for (text, ids) in zip(try Self.strings.get(), try goldens(rule)) {
            let found = tokenizer.encode(text)
            #expect(found == ids, "\(text.debugDescription)")
        }
    }

    @Test("the table has every name once, and no two rules give the same ids")
    func table() throws {
        let names = Self.rules.values.flatMap { $0 }
        #expect(names.sorted() == PreTokenizer.names.sorted() && Set(names).count == names.count)
        let ids = try Self.rules.keys.map { try goldens($0) }
        #expect(Set(ids).count == Self.rules.count)
    }

    // MARK: Any input

    @Test(
        "decoding gives the text back, any bytes included",
        arguments: byteLevel + ["spm-llama", "spm-gemma", "spm-ties"])
    func roundTrip(name: String) throws {
        let tokenizer = try tokenizer(name)
        var rng = SplitMix(2)
        for length in 0..<400 {
            let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &rng) }
            #expect(tokenizer.decode(tokenizer.encode(bytes)) == bytes)
        }
        for text in try Self.strings.get() where !text.unicodeScalars.contains("\u{2581}") {
            #expect(tokenizer.decode(tokenizer.encode(text)) == Array(text.utf8), "\(text.debugDescription)")
        }
    }

    @Test("no input is slow", arguments: byteLevel + sentencePiece)
    func longRuns(name: String) throws {
        let tokenizer = try tokenizer(name)
        let parts = [
            "a", "A", " ", "\n", "=", "1", "字", "é", "\u{301}", "Aa", "a\u{301}", "AB ", "\u{1}", "👍", "ʰA", "'s",
        ]
        for part in parts {
            let text = String(repeating: part, count: 100_000)
            let duration = try ContinuousClock().measure {
                let tokens = tokenizer.encode(text)
                if name != "spm-plain" { try #require(tokenizer.decode(tokens) == Array(text.utf8)) }
            }
            #expect(duration < .seconds(2), "\(part.debugDescription)")
        }
    }

    @Test("a vocabulary whose tokens all have one score is merged from the left, and no slower")
    func equalScores() throws {
        let tokenizer = try tokenizer("spm-llama") { metadata in
            guard case .array(let tokens) = metadata["tokenizer.ggml.tokens"] else { return }
            metadata["tokenizer.ggml.scores"] = .array(.float32([Float](repeating: 0, count: tokens.count)))
        }
        let text = String(repeating: "theintheand", count: 20_000)
        let duration = ContinuousClock().measure {
            #expect(tokenizer.decode(tokenizer.encode(text)) == Array(text.utf8))
        }
        #expect(duration < .seconds(2))
        let first = tokenizer.encode("the", at: .within).map { tokenizer.spelling(of: $0) }
        #expect(first == ["th", "e"] || first == ["the"])
    }

    @Test("encoding stops at the limit", arguments: byteLevel + sentencePiece)
    func limit(name: String) throws {
        let tokenizer = try tokenizer(name)
        let text = String(repeating: "The sky was blue. ", count: 100)
        let all = tokenizer.encode(text)
        for limit in [1, 2, 7, 50] {
            let some = tokenizer.encode(text, upTo: limit)
            #expect(some.count >= limit && (some.count < limit + 20 || name == "spm-plain"))
            #expect(all.starts(with: some.prefix(limit)))
        }
    }
}
