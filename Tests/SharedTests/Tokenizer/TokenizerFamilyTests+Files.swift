import SpeculateShared
import TestSupport
import Testing

/// What a file says, what it leaves out, and what is refused.
extension TokenizerFamilyTests {
    @Test("where a file does not say, the family decides whether a text starts with the begin token")
    func beginToken() throws {
        func count(_ name: String, _ says: Bool?) throws -> Int {
            try tokenizer(name) {
                $0["tokenizer.ggml.bos_token_id"] = .uint32(7)
                $0["tokenizer.ggml.add_bos_token"] = says.map { .bool($0) }
            }.encode("Hello world", addingBegin: true).count
        }
        for name in ["llama-bpe", "tekken", "spm-llama", "gpt-4o", "smollm", "glm4", "dbrx"] {
            let (with, without) = (try count(name, true), try count(name, false))
            #expect(with == without + 1)
            #expect(try count(name, nil) == (["llama-bpe", "tekken", "spm-llama"].contains(name) ? with : without))
        }
        // SentencePiece's own ids.
        let llama = try tokenizer("spm-llama")
        #expect(llama.beginToken == 1 && llama.endTokens == [2])
    }

    @Test("what ends a turn is known by its spelling")
    func endTokens() throws {
        func ends(_ tokens: [Int: (text: String, kind: TokenKind)]) throws -> Set<Int32> {
            try tokenizer("tekken", put(tokens)).endTokens
        }
        let texts = [
            "<|endoftext|>", "<|im_end|>", "<|end_of_text|>", "<|eot_id|>", "<|eom_id|>", "<|end|>", "<end_of_turn>",
            "<turn|>", "<|return|>", "<|call|>", "</s>", "[EOS]", "<｜end▁of▁sentence｜>", "<|calls|>", "<|flush|>",
            "<|tool_response>", "<end_of_utterance>", "<eos>", "<EOT>", "_<EOT>", "[EOT]", "[e~[",
        ]
        for text in texts {
            #expect(try ends([4000: (text, .control)]) == [4000], "\(text)")
            // Whatever the file declares it to be. </s> may be HTML.
            for kind in [TokenKind.userDefined, .normal, .unused] {
                #expect(try ends([4000: (text, kind)]) == (text == "</s>" ? [] : [4000]), "\(text) \(kind)")
            }
            let undeclared = try tokenizer("tekken") { metadata in
                put([4000: (text, .normal)])(&metadata)
                metadata["tokenizer.ggml.token_type"] = nil
            }
            #expect(undeclared.endTokens == (text == "</s>" ? [] : [4000]), "\(text)")
            // It is the template's, never a user's text.
            if text != "</s>" {
                #expect(undeclared.encode(text, parsingSpecial: true) == [4000], "\(text)")
                #expect(!undeclared.encode(text).contains(4000), "\(text)")
            }
        }
        // An answer of several messages.
        #expect(
            try ends([4001: ("<|end|>", .control), 4002: ("<|return|>", .control), 4003: ("<|call|>", .control)])
                == [4002, 4003])
        #expect(
            try ends([4001: ("<|end|>", .control), 4002: ("<|flush|>", .control), 4003: ("<|calls|>", .control)])
                == [4002, 4003])
        // Such a token is not text, whatever the file says.
        #expect(try tokenizer("tekken", put([4000: ("<|end|>", .userDefined)])).encode("<|end|>") != [4000])
    }

    @Test("merges never make a control token of a text")
    func controlMerges() throws {
        let plain = try tokenizer("tekken")
        let the = try #require(plain.encode("the").first)
        #expect(plain.encode("the").count == 1)
        let tokenizer = try tokenizer("tekken", put([Int(the): ("the", .control)]))
        #expect(
            !tokenizer.encode("the, then").contains(the) && text(tokenizer.decode(tokenizer.encode("the"))) == "the")
        #expect(tokenizer.encode("the", parsingSpecial: true) == [the])
    }

    @Test("a tokenizer that is incomplete or not known is refused, and the message says which are known")
    func errors() throws {
        let cases: [(String, MetadataValue?, String)] =
            ["bert", "t5", "rwkv", "plamo2", "gemma4"].map {
                ("tokenizer.ggml.model", .string($0), "'gpt2' (byte-level BPE) or 'llama' (SentencePiece BPE)")
            } + [
                ("tokenizer.ggml.scores", nil, "missing"),
                ("tokenizer.ggml.scores", .array(.float32([1])), "one per token"),
                ("tokenizer.ggml.scores", .array(.string(ByteStrings(["a"]))), "numbers"),
                ("tokenizer.ggml.token_type", nil, "missing"), ("tokenizer.ggml.add_eos_token", .bool(true), "false"),
                ("tokenizer.ggml.remove_extra_whitespaces", .bool(true), "false"),
                ("tokenizer.ggml.add_space_prefix", .uint8(1), "bool"),
            ]
        for (key, value, words) in cases {
            let error = #expect(throws: CheckpointError.self) { try tokenizer("spm-llama") { $0[key] = value } }
            let message = error?.description ?? "accepted"
            #expect(message.contains(key) && message.contains(words), "\(message)")
        }
    }

    @Test("a fingerprint needs no merges where the scores of tokens decide, and changes with the tokens")
    func fingerprint() throws {
        let metadata = try Checkpoint(path: Fixtures.path("spm-llama.gguf")).metadata
        var withMerges = metadata
        withMerges["tokenizer.ggml.merges"] = .array(.string(ByteStrings(["t h"])))
        let fingerprint = try Tokenizer.fingerprint(metadata)
        #expect(try Tokenizer(metadata).fingerprint == fingerprint)
        #expect(try Tokenizer.fingerprint(withMerges) == fingerprint)
        put([300: ("other", .normal)])(&withMerges)
        #expect(try Tokenizer.fingerprint(withMerges) != fingerprint)
    }
}
