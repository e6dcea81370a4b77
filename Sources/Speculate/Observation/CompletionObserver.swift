import Logging
import Tracing

/// Reports one completion to operators: a span from request to end, metrics on the way, a log line.
struct CompletionObserver {
    private let metrics: EngineMetrics
    private let logger: Logger
    private let span: any Span
    private let start = ContinuousClock.now
    private var seen = CompletionStatistics()

    /// Starts a span that is a child of the caller's.
    init(_ metrics: EngineMetrics, _ logger: Logger) {
        self.metrics = metrics
        self.logger = logger
        span = startSpan("text_completion \(metrics.model)", ofKind: .internal)
        span.attributes["gen_ai.operation.name"] = "text_completion"
        span.attributes["gen_ai.request.model"] = metrics.model
    }

    mutating func progress(_ statistics: CompletionStatistics) {
        if seen.completionTokens == 0, statistics.completionTokens > 0 {
            span.addEvent(SpanEvent(name: "first token"))
        }
        metrics.record(from: seen, to: statistics)
        seen = statistics
    }

    func end(_ result: CompletionResult) {
        let statistics = result.statistics
        let reason = result.finishReason.name
        metrics.recordEnd(reason, after: ContinuousClock.now - start, statistics)
        span.attributes["gen_ai.usage.input_tokens"] = statistics.promptTokens
        span.attributes["gen_ai.usage.output_tokens"] = statistics.completionTokens
        span.attributes["gen_ai.response.finish_reasons"] = [reason]
        span.attributes["speculate.acceptance_length"] = statistics.acceptanceLength
        span.end()
        logger.debug(
            "completed",
            metadata: [
                "prompt": "\(statistics.promptTokens)", "cached": "\(statistics.cachedPromptTokens)",
                "tokens": "\(statistics.completionTokens)", "rounds": "\(statistics.rounds)", "ended": "\(reason)",
                "seconds": "\((ContinuousClock.now - start) / .seconds(1))",
            ])
    }

    func fail(_ error: EngineError) {
        span.recordError(error)
        span.setStatus(SpanStatus(code: .error, message: error.message))
        span.end()
        logger.error("a completion failed", metadata: ["error": "\(error)"])
    }
}
