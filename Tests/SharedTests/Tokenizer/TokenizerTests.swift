import Foundation
import SpeculateShared
import Testing
import TestSupport

@Suite struct TokenizerTests {
    private static let metadata = Result { try Checkpoint(path: Fixtures.modelPath()).metadata }

    private static let preTokenizers = ["smollm", "gpt-2", "llama-bpe", "qwen2"]

    private func tokenizer(_ preTokenizer: String = "smollm") throws -> Tokenizer {
        var metadata = try Self.metadata.get()
        metadata["tokenizer.ggml.pre"] = .string(preTokenizer)
        return try Tokenizer(metadata)
    }

    private struct Golden: Decodable {
        let text: String
        let ids: [String: [Int32]]

        init(from decoder: any Decoder) throws {
            let row = try decoder.container(keyedBy: Key.self)
            text = try row.decode(String.self, forKey: Key("text"))
            let base = try row.decode([Int32].self, forKey: Key("smollm"))
            var ids: [String: [Int32]] = [:]
            for name in preTokenizers {
                ids[name] = try row.decodeIfPresent([Int32].self, forKey: Key(name)) ?? base
            }
            self.ids = ids
        }

        struct Key: CodingKey {
            let stringValue: String
            let intValue: Int? = nil
            init(_ value: String) { stringValue = value }
            init?(stringValue: String) { self.init(stringValue) }
            init?(intValue: Int) { nil }
        }
    }

    @Test("token ids are those of the Hugging Face library on over 5,000 strings", arguments: preTokenizers)
    func conformance(name: String) throws {
        let tokenizer = try tokenizer(name)
        let goldens = try Fixtures.lines("tokenizer.jsonl", as: Golden.self)
        #expect(goldens.count > 5000)
        for golden in goldens {
            let ids = tokenizer.encode(golden.text)
            #expect(ids == golden.ids[name], "\(golden.text.debugDescription)")
        }
    }

    @Test(
        "decoding gives the text back, any bytes included, less those that have no token",
        arguments: preTokenizers)
    func roundTrip(name: String) throws {
        let tokenizer = try tokenizer(name)
        let missing = Set<UInt8>([0x04, 0x06, 0x13, 0x14, 0x16, 0x1d, 0xc0, 0xc1, 0xf1, 0xf2]).union(0xf5...0xff)
        var rng = SplitMix(1)
        for length in 0..<400 {
            let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &rng) }
            #expect(tokenizer.decode(tokenizer.encode(bytes)) == bytes.filter { !missing.contains($0) })
        }
        for byte in UInt8.min...UInt8.max {
            #expect(tokenizer.encode([byte]).isEmpty == missing.contains(byte))
        }
    }

    @Test("a piece of any length is merged as short ones are, in reasonable time")
    func longPieces() throws {
        let tokenizer = try tokenizer()
        let word = String(repeating: "abcdefgh", count: 40_000)
        #expect(tokenizer.decode(tokenizer.encode(word)) == Array(word.utf8))
        let spaces = String(repeating: " ", count: 100_000)
        #expect(tokenizer.decode(tokenizer.encode(spaces)) == Array(spaces.utf8))
    }

    @Test("control tokens are parsed only where asked, and shown only where asked")
    func special() throws {
        let tokenizer = try tokenizer()
        let text = "<|im_start|>user\nHi<|im_end|><|im_end"
        let plain = tokenizer.encode(text)
        #expect(!plain.contains(1) && !plain.contains(2))
        #expect(tokenizer.decode(plain) == Array(text.utf8))
        let parsed = tokenizer.encode(text, parsingSpecial: true)
        #expect(parsed.first == 1 && parsed.filter { $0 == 2 }.count == 1)
        #expect(tokenizer.decode(parsed, includingControl: true) == Array(text.utf8))
        #expect(String(decoding: tokenizer.decode(parsed), as: UTF8.self) == "user\nHi<|im_end")
        #expect(tokenizer.endTokens == [0, 2])
    }

    @Test("streaming gives the same text in whole characters, however the bytes are cut")
    func streaming() {
        var rng = SplitMix(2)
        let texts = ["héllo", "日本語👩‍👩‍👧‍👦", "a\u{301}", "🇫🇷🏳️‍🌈", "\u{10ffff}\u{0}"]
        for text in texts {
            for _ in 0..<50 {
                var decoder = StreamingDecoder()
                var bytes = Array(text.utf8)[...]
                var out = ""
                while !bytes.isEmpty {
                    let count = Int.random(in: 1...min(5, bytes.count), using: &rng)
                    let piece = decoder.append(bytes.prefix(count))
                    #expect(!piece.unicodeScalars.contains("\u{fffd}"))
                    out += piece
                    bytes = bytes.dropFirst(count)
                }
                #expect(Array((out + decoder.finish()).utf8) == Array(text.utf8))
            }
        }
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0...12, using: &rng)).map { _ in
                [0x41, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0xc3, 0x80, 0xff].randomElement(using: &rng)! as UInt8
            }
            var decoder = StreamingDecoder()
            let out = bytes.map { decoder.append([$0]) }.joined() + decoder.finish()
            #expect(Array(out.utf8) == Array(String(decoding: bytes, as: UTF8.self).utf8), "\(bytes)")
        }
    }

    @Test("a tokenizer that is incomplete or not known is refused by the name of its key")
    func errors() throws {
        let sound = try Self.metadata.get()
        let cases: [(String, MetadataValue?)] = [
            ("tokenizer.ggml.model", .string("bert")), ("tokenizer.ggml.model", nil),
            ("tokenizer.ggml.add_eos_token", .bool(true)), ("tokenizer.ggml.add_bos_token", .uint8(1)),
            ("tokenizer.ggml.pre", .string("other")), ("tokenizer.ggml.suppress_tokens", .array(.int32([1]))),
            ("tokenizer.ggml.remove_extra_whitespaces", .bool(true)),
            ("tokenizer.ggml.pre", .uint8(1)), ("tokenizer.ggml.tokens", nil),
            ("tokenizer.ggml.tokens", .array(.int32([1]))),
            ("tokenizer.ggml.merges", .array(.string(ByteStrings(["nospace"])))),
            ("tokenizer.ggml.merges", .array(.string(ByteStrings(["zzqq xxyy"])))),
            ("tokenizer.ggml.token_type", .array(.int32([1, 2]))),
            ("tokenizer.ggml.eos_token_id", .uint32(49152)), ("tokenizer.ggml.bos_token_id", .float32(1)),
        ]
        for (key, value) in cases {
            var metadata = sound
            metadata[key] = value
            let error = #expect(throws: CheckpointError.self) { try Tokenizer(metadata) }
            #expect(error?.description.contains(key) == true, "\(error?.description ?? "accepted")")
        }
    }
}
