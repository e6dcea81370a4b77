import SpeculateShared
import Testing

@Suite struct SamplingDefaultsTests {
    private func metadata(_ values: [String: MetadataValue]) -> Metadata {
        var metadata = Metadata()
        for (key, value) in values { metadata[key] = value }
        return metadata
    }

    private func name(_ text: String) -> MetadataValue { .string(Array(text.utf8)) }

    @Test("a file's own keys hold, else what its family's cards advise, else nothing")
    func sources() throws {
        let keys = metadata([
            "general.sampling.temp": .float32(0.6), "general.sampling.top_k": .uint32(20),
            "general.sampling.penalty_repeat": .float64(1.05), "general.basename": name("smollm2"),
        ])
        #expect(try SamplingDefaults(keys) == SamplingDefaults(temperature: 0.6, topK: 20, repetitionPenalty: 1.05))
        let family = metadata(["general.basename": name("SmolLM2")])
        #expect(try SamplingDefaults(family) == SamplingDefaults(temperature: 0.2, topP: 0.9))
        let named = metadata(["general.name": name("Qwen2.5 0.5B Instruct")])
        #expect(try SamplingDefaults(named).topK == 20)
        #expect(try SamplingDefaults(metadata(["general.basename": name("unheard-of")])) == SamplingDefaults())
        #expect(try SamplingDefaults(metadata([:])).options() == SamplingOptions(temperature: 1))
    }

    @Test("keys out of their range, or of another type, are refused by name")
    func refusals() {
        let cases: [(String, MetadataValue)] = [
            ("temp", .float32(-1)), ("temp", .float32(.nan)), ("temp", name("warm")), ("top_p", .float32(1.5)),
            ("top_k", .int32(-3)), ("top_k", .float32(3)), ("min_p", .float64(.infinity)),
            ("penalty_repeat", .float32(0)),
        ]
        for (key, value) in cases {
            let error = #expect(throws: CheckpointError.self) {
                try SamplingDefaults(metadata(["general.sampling." + key: value]))
            }
            #expect(error?.description.contains("general.sampling.") == true)
        }
    }

    @Test("what an operator says comes before what the makers advise")
    func filling() {
        let makers = SamplingDefaults(temperature: 0.2, topP: 0.9)
        let both = makers.filling(SamplingDefaults(temperature: 0, topK: 5))
        #expect(both == SamplingDefaults(temperature: 0, topP: 0.9, topK: 5))
        #expect(both.options() == SamplingOptions(temperature: 0, topK: 5, topP: 0.9))
    }
}
