import Testing

@testable import SpeculateShared

/// What the names of models' files say.
@Suite struct ModelFileNameTests {
    @Test(
        "the quantization is the end of a name, however it is written",
        arguments: [
            ("Tiny-Q4_K_M.gguf", "Q4_K_M"), ("tiny-2.5-1b.q4_0.gguf", "q4_0"), ("tiny_q8_0.GGUF", "q8_0"),
            ("Tiny-UD-Q4_K_XL.gguf", "UD-Q4_K_XL"), ("Tiny-IQ4_XS.gguf", "IQ4_XS"), ("Tiny-BF16.gguf", "BF16"),
            ("Tiny.f16.gguf", "f16"), ("Q8_0.gguf", "Q8_0"), ("Tiny-MXFP4.gguf", "MXFP4"),
            ("Tiny-Q4_K_M-00001-of-00003.gguf", "Q4_K_M"), ("Tiny-TQ1_0.gguf", "TQ1_0"),
            ("Tiny-Q4_0-Q8_0.gguf", "Q8_0"), ("Tiny.gguf", nil), ("Qwen2.5-0.5B.gguf", nil), ("Tiny-Q.gguf", nil),
            ("Q4-chat.gguf", nil), ("Tiny-K_M.gguf", nil),
        ])
    func quants(name: String, quant: String?) {
        #expect(ModelFileName(name)?.quant == quant)
    }

    @Test(
        "a part is known by its number, and by nothing less",
        arguments: [
            ("Tiny-00002-of-00010.gguf", "Tiny", 2), ("A-B-Q4_0-00001-of-00001.gguf", "A-B-Q4_0", 1),
            ("Tiny-00003-of-00002.gguf", "Tiny-00003-of-00002", nil), ("Tiny-1-of-3.gguf", "Tiny-1-of-3", nil),
            ("Tiny-00000-of-00002.gguf", "Tiny-00000-of-00002", nil), ("00001-of-00002.gguf", "00001-of-00002", nil),
            ("Tiny-+0001-of-00002.gguf", "Tiny-+0001-of-00002", nil), ("é-00001-of-00002.gguf", "é", 1),
        ])
    func parts(name: String, stem: String, part: Int?) {
        let parsed = ModelFileName(name)
        #expect(parsed?.stem == stem && parsed?.part?.number == part)
    }

    @Test("drafters are told apart, and what is no GGUF file has no such name")
    func kinds() {
        #expect(ModelFileName("Tiny.drafter.gguf")?.isDrafter == true && ModelFileName("Tiny.gguf")?.isDrafter == false)
        for name in ["", "gguf", ".gguf", "Tiny.bin", "Tiny.gguf.part", "Tiny.gguf.json"] {
            #expect(ModelFileName(name) == nil, "\(name)")
        }
    }

    @Test(
        "a drafter is looked for under the model's name, without its quantization, and up to its first dot",
        arguments: [
            ("Tiny.Q4_0.gguf", ["Tiny.Q4_0", "Tiny"]),
            ("Tiny2.5-1B-Q4_0.gguf", ["Tiny2.5-1B-Q4_0", "Tiny2.5-1B", "Tiny2"]),
            ("Tiny.gguf", ["Tiny"]), ("Q4_0.gguf", ["Q4_0"]), ("weights.bin", ["weights"]),
            ("Tiny-Q4_0-00001-of-00002.gguf", ["Tiny-Q4_0", "Tiny", "Tiny-Q4_0-00001-of-00002"]),
        ])
    func drafters(model: String, stems: [String]) {
        #expect(ModelFileName.drafterNames(beside: model) == stems.map { $0 + ".drafter.gguf" })
    }
}
