import SpeculateDrafter
import SpeculateShared
import SpeculateVerifier
import TestSupport
import Testing

/// Drafters as llama.cpp's converter writes published ones.
@Suite struct PublishedDiffusionTests {
    /// What the drafter drafts after the text's token at an index.
    private func drafting(_ name: String) throws -> (PublishedDraft, (Int) -> [Int32]) {
        let golden = try PublishedDraft(name)
        let checkpoint = try Checkpoint(path: Fixtures.path("\(name).gguf"))
        let config = try DrafterConfig(checkpoint)
        let (verifier, states) = try golden.verifier(taps: config.taps(verifierLayers: 4))
        let model = try BlockDiffusionModel(checkpoint, config, for: verifier.target)
        let cache = try model.makeCache(capacity: golden.tokens.count)
        return (
            golden,
            { anchor in
                cache.rollback(to: 0)
                states.withUnsafeBufferPointer { model.inject($0.baseAddress!, count: anchor, into: cache) }
                let block = DraftBlock()
                block.reset(count: config.drafts)
                model.denoise(block, anchor: golden.tokens[anchor], cache: cache)
                return block.tokens
            }
        )
    }

    @Test(
        "a file as converted drafts what its definition drafts, the first token from the slot after the anchor's",
        arguments: ["tiny-dflash", "tiny-dflash-keys"])
    func parity(_ name: String) throws {
        let (golden, draft) = try drafting(name)
        let result = golden.compare(isChain: false, draft)
        print("\(name): \(result.equal) of \(result.clear) clear tokens, of \(result.all), as in numpy")
        #expect(result.equal == result.clear)
        #expect(Double(result.clear) > 0.85 * Double(result.all))
        #expect(Set(golden.drafts.joined()).count > 10)
    }

    @Test("a file as converted drafts what llama.cpp drafts", arguments: ["tiny-dflash", "tiny-dflash-keys"])
    func peer(_ name: String) throws {
        let (golden, draft) = try drafting(name)
        let rounds = try #require(golden.peer)
        let result = golden.compare(isChain: false, with: rounds, draft)
        print("\(name): \(result.equal) of \(result.clear) clear tokens, of \(result.all), as in llama.cpp")
        #expect(result.equal == result.clear)
        #expect(rounds.count >= 10 && Double(result.clear) > 0.85 * Double(result.all))
    }
}
