import Metrics

/// An engine's counters and timers, through swift-metrics. Counters and gauges have vLLM's names, latencies those of
/// OpenTelemetry's conventions for generative models.
struct EngineMetrics: Sendable {
    /// The model's name in spans and metrics.
    let model: String
    private let running: Gauge
    private let waiting: Gauge
    private let prefixBytes: Gauge
    private let prefixLimit: Gauge
    private let prompt: Counter
    private let generated: Counter
    private let prefixQueries: Counter
    private let prefixHits: Counter
    private let drafts: Counter
    private let drafted: Counter
    private let accepted: Counter
    private let duration: Metrics.Timer
    private let timeToFirstToken: Metrics.Timer
    private let timePerToken: Metrics.Timer
    /// Entry i: drafts accepted up to position i.
    private let acceptedAt: [Counter]
    private let dimensions: [(String, String)]
    private let factory: any MetricsFactory

    init(model: String, factory: any MetricsFactory) {
        let dimensions = [("model_name", model)]
        func counter(_ name: String, _ more: [(String, String)] = []) -> Counter {
            Counter(label: "vllm:\(name)", dimensions: dimensions + more, factory: factory)
        }
        func gauge(_ name: String) -> Gauge { Gauge(label: "vllm:\(name)", dimensions: dimensions, factory: factory) }
        func timer(_ name: String) -> Metrics.Timer {
            Metrics.Timer(label: "gen_ai.server.\(name)", dimensions: dimensions, factory: factory)
        }
        self.model = model
        self.dimensions = dimensions
        self.factory = factory
        running = gauge("num_requests_running")
        waiting = gauge("num_requests_waiting")
        prefixBytes = Gauge(label: "speculate_prefix_cache_bytes", dimensions: dimensions, factory: factory)
        prefixLimit = Gauge(label: "speculate_prefix_cache_limit_bytes", dimensions: dimensions, factory: factory)
        prompt = counter("prompt_tokens")
        generated = counter("generation_tokens")
        prefixQueries = counter("prefix_cache_queries")
        prefixHits = counter("prefix_cache_hits")
        drafts = counter("spec_decode_num_drafts")
        drafted = counter("spec_decode_num_draft_tokens")
        accepted = counter("spec_decode_num_accepted_tokens")
        acceptedAt = (0..<Engine.maximumDepth).map {
            counter("spec_decode_num_accepted_tokens_per_pos", [("position", "\($0)")])
        }
        duration = timer("request.duration")
        timeToFirstToken = timer("time_to_first_token")
        timePerToken = timer("time_per_output_token")
    }

    func record(_ activity: EngineActivity) {
        running.record(activity.running)
        waiting.record(activity.waiting)
        prefixBytes.record(activity.prefixMemory)
        prefixLimit.record(activity.prefixMemoryLimit)
    }

    /// Records what a completion did between two snapshots.
    func record(from old: CompletionStatistics, to new: CompletionStatistics) {
        if old.completionTokens == 0, new.completionTokens > 0 {
            prompt.increment(by: new.promptTokens)
            prefixQueries.increment(by: new.promptTokens)
            prefixHits.increment(by: new.cachedPromptTokens)
            timeToFirstToken.record(duration: new.timeToFirstToken)
        }
        generated.increment(by: new.completionTokens - old.completionTokens)
        drafts.increment(by: (new.rounds - new.plainRounds) - (old.rounds - old.plainRounds))
        drafted.increment(by: new.drafted - old.drafted)
        accepted.increment(by: new.accepted - old.accepted)
        for (position, count) in new.acceptedAt.enumerated() {
            let before = position < old.acceptedAt.count ? old.acceptedAt[position] : 0
            if count > before { acceptedAt[position].increment(by: count - before) }
        }
    }

    /// Records the end of a completion.
    func recordEnd(_ reason: String, after time: Duration, _ statistics: CompletionStatistics) {
        Counter(
            label: "vllm:request_success", dimensions: dimensions + [("finished_reason", reason)], factory: factory
        ).increment()
        duration.record(duration: time)
        if statistics.completionTokens > 1 {
            timePerToken.record(duration: statistics.decodingTime / (statistics.completionTokens - 1))
        }
    }
}
