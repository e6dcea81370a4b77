import Speculate

/// The files that a recipe starts from, and what to ask of the engine that loads the result: eight bytes.
struct FuzzSettings: CustomStringConvertible {
    static let byteCount = 8

    let verifier: String
    let hasDrafter: Bool
    let keepsFingerprint: Bool
    let speculation: Speculation
    let rule: AcceptanceRule
    /// Nil fills the context.
    let maximumTokens: Int?
    let prompt: CompletionRequest.Prompt
    let passes: Int
    let order: RevealOrder
    let logprobs: Int?
    let seed: UInt64
    /// When to truncate the verifier's file, in units of 20 µs after loading starts; 0: never.
    let cut: Int

    init(_ bytes: ArraySlice<UInt8>) {
        let bytes = Array(bytes) + [UInt8](repeating: 0, count: Self.byteCount - bytes.count)
        let depth = Int(bytes[1] >> 4) + 1
        let hasDrafter = bytes[0] >> 2 & 3 != 3
        self.hasDrafter = hasDrafter
        verifier = "tiny-" + ["qwen3", "llama3", "linear", hasDrafter ? "qwen3" : "qwen2"][Int(bytes[0] & 3)] + ".gguf"
        keepsFingerprint = bytes[0] & 16 != 0
        var rule: AcceptanceRule = [.coupled, .match, .rejection, .block][Int(bytes[2] & 3)]
        switch bytes[1] & 7 {
        case 0...4 where !hasDrafter, 5: speculation = .lookup(depth: depth)
        case 0, 1: speculation = .diffusion(depth: depth)
        case 2: speculation = .diffusion(depth: depth, passes: depth)
        case 3, 4:
            speculation = .tree(tokens: depth * 2)
            if !rule.keepsSeededText { rule = .coupled }
        default: speculation = .adaptive
        }
        self.rule = rule
        maximumTokens = bytes[2] >= 252 ? nil : Int(bytes[2] >> 2) % 12 + 1
        let prompts: [CompletionRequest.Prompt] = [
            .text("the cat sat on the mat, the cat sat"), .text("a"), .bytes([0, 0xff, 0xc3, 0x28]), .tokens([0]),
            .tokens([258, 0, 259]), .text(String(repeating: "he said ", count: 40)),
            .chat([ChatMessage(role: .user, content: "hello")]), .text("the [MASK] said[MASK]"),
        ]
        prompt = prompts[Int(bytes[3] & 7)]
        logprobs = bytes[3] & 0x30 == 0x30 ? Int(bytes[3] >> 6) : nil
        passes = Int(bytes[4] & 7) + 1
        order = RevealOrder.allCases[Int(bytes[4] >> 4) % 3]
        seed = UInt64(bytes[5])
        cut = bytes[6] == 0xc7 ? Int(bytes[7]) : 0
    }

    var description: String {
        """
        \(verifier)\(hasDrafter ? " with a drafter" : "")\(keepsFingerprint ? " that names it" : ""), \(prompt), \
        \(speculation), \(rule), up to \(maximumTokens.map { "\($0)" } ?? "all") tokens, \(passes) passes by \(order), \
        seed \(seed)\(logprobs.map { ", logprobs \($0)" } ?? "")\(cut > 0 ? ", cut after \(cut * 20) µs" : "")
        """
    }
}
