import Foundation
import Hummingbird
import Speculate

/// Turns an engine's deltas into what clients receive.
struct CompletionWriter {
    private let endpoint: Endpoint
    private let body: CompletionBody
    private let model: String
    private let id: String
    private let created = Int(Date().timeIntervalSince1970)
    /// Of finished choices.
    private var statistics: [Int: CompletionStatistics] = [:]
    private var hasBegun: Set<Int> = []
    /// Choices that were ended before they began.
    private var unbegun = 0
    /// Characters sent of each choice.
    private var offsets: [Int]

    init(_ endpoint: Endpoint, _ body: CompletionBody, model: String) {
        self.endpoint = endpoint
        self.body = body
        self.model = model
        id = (endpoint == .chat ? "chatcmpl-" : "cmpl-") + UUID().uuidString.lowercased()
        offsets = [Int](repeating: 0, count: body.prompts.count * body.count)
    }

    /// The next part of a choice, or the whole choice.
    mutating func choice(_ index: Int, _ delta: CompletionDelta, isChunk: Bool) -> CompletionChoice {
        var choice = CompletionChoice(endpoint: endpoint, isChunk: isChunk, index: index)
        choice.text = delta.text
        choice.opens = hasBegun.insert(index).inserted
        if body.logprobs != nil {
            let tokens = delta.pieces.flatMap(\.logprobs).map(LogprobsObject.Token.init)
            choice.logprobs = LogprobsObject(
                endpoint: endpoint, tokens: tokens, offset: offsets[index], namesIds: body.namesTokenIds)
            offsets[index] += choice.text.count
        }
        if isChunk, body.includesPieces { choice.pieces = delta.pieces }
        if isChunk, body.includesRounds { choice.rounds = delta.pieces.flatMap(\.rounds) }
        if let result = delta.result {
            choice.finishReason = reason(result)
            note(result)
            statistics[index] = result.statistics
        }
        return choice
    }

    /// Prepends the prompt to a choice that echoes it.
    func echo(_ choice: inout CompletionChoice, _ prompt: String, _ result: CompletionResult, first: String) {
        choice.text = prompt + choice.text
        let tokens = result.promptLogprobs.map {
            $0.map(LogprobsObject.Token.init) ?? .init(first: result.promptTokens[0], text: first)
        }
        choice.logprobs?.tokens.insert(contentsOf: tokens, at: 0)
    }

    /// Why there is no answer, if every choice was ended before it began.
    private(set) var failure: APIError?

    /// What was generated, for the log.
    var summary: RequestSummary { .init(tokens: sum(\.completionTokens), rounds: sum(\.rounds)) }

    private mutating func note(_ result: CompletionResult) {
        guard !body.echoes || body.maximumTokens != 0, result.tokens.isEmpty,
            result.finishReason == .deadline || result.finishReason == .cancelled
        else {
            return
        }
        unbegun += 1
        guard unbegun == offsets.count else { return }
        failure = .notBegun(isLate: result.finishReason == .deadline)
    }

    private func reason(_ result: CompletionResult) -> String {
        switch result.finishReason {
        case .endOfText, .stop: return "stop"
        // Ended by the time limit or by shutdown: the client gets what there is.
        case .length, .loop, .deadline, .cancelled: return "length"
        }
    }

    func chunk(_ choice: CompletionChoice) -> CompletionObject { object(isChunk: true, [choice]) }

    /// The whole answer.
    func whole(_ choices: [CompletionChoice]) -> CompletionObject {
        var object = object(isChunk: false, choices)
        object.usage = usage
        object.speculation = speculation
        return object
    }

    /// The last chunk of a stream, if requested.
    func usageChunk() -> CompletionObject? {
        guard body.includesUsage, statistics.count == offsets.count else { return nil }
        var object = object(isChunk: true, [])
        object.usage = usage
        object.speculation = speculation
        return object
    }

    private func object(isChunk: Bool, _ choices: [CompletionChoice]) -> CompletionObject {
        let kind = endpoint == .text ? "text_completion" : isChunk ? "chat.completion.chunk" : "chat.completion"
        return CompletionObject(id: id, object: kind, created: created, model: model, choices: choices)
    }

    private func sum(_ number: (CompletionStatistics) -> Int) -> Int { statistics.values.reduce(0) { $0 + number($1) } }

    private var usage: CompletionObject.Usage {
        // A prompt counts once, regardless of its choices.
        let prompts = stride(from: 0, to: offsets.count, by: body.count).compactMap { statistics[$0] }
        let prompt = prompts.reduce(0) { $0 + $1.promptTokens }
        let completion = sum(\.completionTokens)
        return .init(
            promptTokens: prompt, completionTokens: completion, totalTokens: prompt + completion,
            promptTokensDetails: .init(cachedTokens: prompts.reduce(0) { $0 + $1.cachedPromptTokens }),
            completionTokensDetails: .init(
                acceptedPredictionTokens: sum(\.accepted), rejectedPredictionTokens: sum { $0.drafted - $0.accepted }))
    }

    private var speculation: CompletionObject.Speculation {
        let rounds = sum(\.rounds)
        let first = statistics.values.map(\.timeToFirstToken).min() ?? .zero
        return .init(
            rounds: rounds, acceptanceLength: rounds == 0 ? 0 : Double(sum(\.completionTokens)) / Double(rounds),
            tokensPerSecond: statistics.values.reduce(0) { $0 + $1.tokensPerSecond },
            timeToFirstTokenMs: first / .milliseconds(1))
    }
}
