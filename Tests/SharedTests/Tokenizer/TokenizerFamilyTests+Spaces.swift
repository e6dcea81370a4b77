import SpeculateShared
import TestSupport
import Testing

/// Spaces, and tokens that are not text.
extension TokenizerFamilyTests {
    @Test("SentencePiece's space goes before a text and after special tokens, and decoding takes away no other")
    func spaces() throws {
        let tokenizer = try tokenizer(
            "spm-llama", put([1: ("<s>", .control), 2: ("</s>", .control), 400: ("<hr>", .userDefined)]))
        func spellings(_ tokens: [Int32]) -> String { tokens.map { tokenizer.spelling(of: $0) }.joined() }
        let encoded = tokenizer.encode("The</s>sky <hr>was", parsingSpecial: true, addingBegin: true)
        #expect(spellings(encoded) == "<s>▁The</s>▁sky▁<hr>▁was")
        #expect(text(tokenizer.decode(encoded, includingControl: true)) == "<s>The</s>sky <hr>was")
        #expect(text(tokenizer.decode(encoded)) == "Thesky <hr>was")
        #expect(spellings(tokenizer.encode("The sky", at: .within)) == "The▁sky")
        #expect(spellings(tokenizer.encode("The sky", at: .after(encoded[1]))) == "The▁sky")
        #expect(spellings(tokenizer.encode("The sky", at: .after(1))) == "▁The▁sky")
        #expect(spellings(tokenizer.encode("  The")).hasPrefix("▁▁▁"))
        // An answer continues a text: the first space of its first token is its own.
        let continued = tokenizer.encode("The sky was").dropFirst(tokenizer.encode("The").count)
        var position = Tokenizer.Position.after(tokenizer.encode("The").last!)
        var answer = ""
        for token in continued {
            answer += text(tokenizer.bytes(of: token, at: position))
            position = .after(token)
        }
        #expect(answer == " sky was")
        // Another one begins a turn.
        #expect(text(tokenizer.bytes(of: tokenizer.encode("The")[0], at: .after(2))) == "The")
        let gemma = try self.tokenizer("spm-gemma")
        let the = gemma.encode(" The")
        #expect(text(gemma.decode(the)) == " The" && text(gemma.bytes(of: the[0], at: .start)).hasPrefix(" "))
    }

    @Test("user-defined tokens are found in any text, the longest at each place; their spaces are written plainly")
    func userDefined() throws {
        let tokenizer = try tokenizer("spm-gemma")
        func spellings(_ text: String) -> [String] { tokenizer.encode(text).map { tokenizer.spelling(of: $0) } }
        #expect(spellings("\n\n\n\n") == ["\n\n\n", "\n"])
        #expect(spellings("     ") == ["    ", "▁"])
        #expect(spellings("<table></a><table").starts(with: ["<table>", "</a>"]))
        #expect(tokenizer.kinds.filter { $0 == .userDefined }.count == 11)
        #expect(!tokenizer.endTokens.contains(tokenizer.encode("</a>")[0]))
    }

    @Test("special tokens are found leftmost first, the longest at each place, as by trying them all")
    func specialTokens() throws {
        var rng = SplitMix(3)
        func word(_ length: Int) -> String { String((0..<length).map { _ in "ab<".randomElement(using: &rng)! }) }
        var tokens: [Int: (text: String, kind: TokenKind)] = [:]
        for text in Set((0..<60).map { _ in "<" + word(Int.random(in: 0...6, using: &rng)) }) {
            tokens[300 + tokens.count] = (text, Bool.random(using: &rng) ? .control : .userDefined)
        }
        let tokenizer = try tokenizer("spm-llama", put(tokens))
        for includesControl in [true, false] {
            for _ in 0..<300 {
                let text = word(40)
                var rest = text[...]
                var expected: [Int32] = []
                while !rest.isEmpty {
                    let found = tokens.filter {
                        rest.hasPrefix($0.value.text) && (includesControl || $0.value.kind == .userDefined)
                    }.max { $0.value.text.count < $1.value.text.count }
                    if let found { expected.append(Int32(found.key)) }
                    rest = rest.dropFirst(found?.value.text.count ?? 1)
                }
                let ids = tokenizer.encode(text, parsingSpecial: includesControl)
                #expect(ids.filter { tokens[Int($0)] != nil } == expected, "\(text)")
            }
        }
    }

    @Test("bytes and spaces are spelled as the vocabulary spells them")
    func spelling() throws {
        let tokenizer = try tokenizer("spm-llama")
        #expect(tokenizer.encode("\0", at: .within).map { tokenizer.spelling(of: $0) } == ["<0x00>"])
        let bytes = tokenizer.encode("\u{e000}", at: .within).map { tokenizer.spelling(of: $0) }
        #expect(bytes == ["<0xEE>", "<0x80>", "<0x80>"])
        let metadata = try Checkpoint(path: Fixtures.path("spm-llama.gguf")).metadata
        let texts = try metadata.strings("tokenizer.ggml.tokens")
        for id in texts.indices { #expect(tokenizer.spelling(of: Int32(id)) == text(texts[id])) }
    }

    @Test("Phi-3's special tokens take the white space after them with them, but for three")
    func phi3() throws {
        let special = put([1: ("<s>", .control), 2: ("<|user|>", .control), 400: ("<|end|>", .control)])
        for (architecture, isStripped) in [("phi3", true), ("llama", false)] {
            let tokenizer = try tokenizer("spm-llama") {
                special(&$0)
                $0["general.architecture"] = .string(architecture)
            }
            let tokens = tokenizer.encode("<|user|>\n The sky<|end|>\n", parsingSpecial: true)
            #expect((tokens.count == tokenizer.encode("The sky").count + 2) == isStripped)
            #expect(tokenizer.encode("\n", at: .after(2)).isEmpty == isStripped)
            #expect(!tokenizer.encode("<s>\n", parsingSpecial: true).dropFirst().isEmpty)
        }
    }
}
