import Speculate
import SpeculateShared

/// Cuts what a user brings into passages, and keeps a tenth of them apart.
struct PassagePlan {
    /// Tokens of a text before what the verifier writes: short and long ones, since drafts depend on it.
    private static let contexts = [96, 192, 64, 256]
    /// Tokens that the verifier writes after each.
    private static let continuation = 128
    /// Places in a text where it does, tokens apart.
    private static let step = 160
    /// The fewest passages, one of which is kept apart.
    static let least = 10
    /// The most passages kept apart: what they tell is then exact enough, and they are drafted for again and again.
    private static let mostHeldOut = 40

    /// In the order in which they are best read if time is short.
    private(set) var training: [Passage] = []
    private(set) var heldOut: [Passage] = []
    /// How often each token occurs in what is learnt from.
    private(set) var counts: [Int32: Int] = [:]

    /// - Parameter room: tokens of a passage with its continuation at most.
    /// - Throws: `EngineError` if there is too little, or a prompt that cannot be read.
    init(
        _ texts: [AdaptationText], _ tokenizer: Tokenizer, _ reader: PromptReader, room: Int
    ) throws(EngineError) {
        var answers: [Passage] = []
        var tokenCount = 0
        for text in texts {
            switch text {
            case .text(let text):
                let tokens = tokenizer.encode(text.utf8)
                tokenCount += tokens.count
                cut(tokens, begin: tokenizer.addsBeginToken ? tokenizer.beginToken : nil, room: room)
            case .answered(let prompt, let answer):
                let passage = try Self.passage(prompt, answer, tokenizer, reader, room: room)
                if let passage { answers.append(passage) }
            }
        }
        for (index, passage) in answers.enumerated() {
            if index % 10 == 9 {
                heldOut.append(passage)
            } else {
                training.append(passage)
                count(passage.tokens[(passage.first + 1)...])
            }
        }
        guard training.count + heldOut.count >= Self.least, !heldOut.isEmpty else {
            let found = answers.isEmpty ? "\(tokenCount) tokens of text" : "\(answers.count) answers"
            let wanted = answers.isEmpty ? "about \(Self.least * Self.step + Self.contexts.max()!)" : "\(Self.least)"
            throw EngineError(.invalidRequest, "there are \(found) to learn from, expected at least \(wanted)")
        }
        training = Self.spread(training)
        heldOut = Array(Self.spread(heldOut).prefix(Self.mostHeldOut))
    }

    /// The end of a text resembles what will follow it, so that its last tenth is kept apart.
    private mutating func cut(_ tokens: [Int32], begin: Int32?, room: Int) {
        let starts = Array(stride(from: 0, to: tokens.count - 32, by: Self.step))
        let split = starts.count - starts.count / 10
        count(tokens[..<(split < starts.count ? starts[split] : tokens.count)])
        for (index, start) in starts.enumerated() {
            let continuation = min(Self.continuation, room / 2)
            let context = min(Self.contexts[index % Self.contexts.count], room - continuation)
            // What is kept apart is not read before.
            let end = min(start + context, index < split && split < starts.count ? starts[split] : tokens.count)
            guard end - start >= 16 else { continue }
            let passage = Array(((begin.map { [$0] } ?? []) + tokens[start..<end]).prefix(context))
            let isHeldOut = index >= split
            let learnt = Passage(
                tokens: passage, first: passage.count - 1, continuation: continuation,
                temperature: isHeldOut || index % 2 == 0 ? 0 : 0.7)
            if isHeldOut { heldOut.append(learnt) } else { training.append(learnt) }
        }
    }

    private mutating func count(_ tokens: ArraySlice<Int32>) {
        for token in tokens { counts[token, default: 0] += 1 }
    }

    /// - Returns: nil if there is no answer, or no room for any of it.
    private static func passage(
        _ prompt: CompletionRequest.Prompt, _ answer: AdaptationText.Answer, _ tokenizer: Tokenizer,
        _ reader: PromptReader, room: Int
    ) throws(EngineError) -> Passage? {
        let before = try reader.tokens(of: CompletionRequest(prompt))
        let after: [Int32] =
            switch answer {
            case .tokens(let tokens): try reader.tokens(of: CompletionRequest(.tokens(tokens)))
            case .text(let text): tokenizer.encode(text.utf8, at: .after(before[before.count - 1]))
            }
        let tokens = (before + after).prefix(room)
        guard tokens.count > before.count else { return nil }
        return Passage(tokens: Array(tokens), first: before.count - 1)
    }

    /// Every prefix of the result is spread over the whole: by the golden ratio's multiples.
    private static func spread(_ passages: [Passage]) -> [Passage] {
        let keys = passages.indices.map { (Double($0) * 0.6180339887498949).truncatingRemainder(dividingBy: 1) }
        return passages.indices.sorted { keys[$0] < keys[$1] }.map { passages[$0] }
    }
}
