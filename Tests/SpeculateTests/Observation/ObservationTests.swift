import InMemoryTracing
import MetricsTestKit
import ServiceLifecycle
import Speculate
import TestSupport
import Testing
import Tracing

/// The tracer is global to the process.
private let tracer: InMemoryTracer = {
    let tracer = InMemoryTracer()
    InstrumentationSystem.bootstrap(tracer)
    return tracer
}()

@Suite(.serialized) struct ObservationTests {
    @Test("every completion leaves a span below its caller's, and counts what it did")
    func spansAndCounts() async throws {
        let tracer = tracer
        let metrics = TestMetrics()
        let engine = try await Engine.load(
            verifier: Fixtures.modelPath(), drafter: .file(path: Fixtures.drafterPath),
            configuration: EngineConfiguration(modelName: "observed", threads: 2, metrics: metrics))
        let request = CompletionRequest(
            .text("a b c a b c a b c a b"), maximumTokens: 50, speculation: .diffusion(depth: 4))
        let result = try await withSpan("caller") { _ in try await engine.complete(request) }
        let spans = tracer.finishedSpans.filter { $0.operationName == "text_completion observed" }
        let span = try #require(spans.first)
        #expect(spans.count == 1)
        #expect(span.parentSpanID == tracer.finishedSpans.first { $0.operationName == "caller" }?.spanID)
        #expect(span.events.map(\.name) == ["first token"] && span.errors.isEmpty)
        #expect(span.attributes["gen_ai.usage.output_tokens"]?.toSpanAttribute() == .int64(50))
        #expect(
            span.attributes["gen_ai.usage.input_tokens"]?.toSpanAttribute() == .int64(Int64(result.promptTokens.count)))
        #expect(span.attributes["gen_ai.response.finish_reasons"]?.toSpanAttribute() == .stringArray(["length"]))

        func total(_ label: String) -> Int { metrics.counters(label: label).reduce(0) { $0 + Int($1.totalValue) } }
        let statistics = result.statistics
        #expect(total("vllm:generation_tokens") == 50)
        #expect(total("vllm:prompt_tokens") == result.promptTokens.count)
        #expect(total("vllm:spec_decode_num_drafts") == statistics.rounds - statistics.plainRounds)
        #expect(total("vllm:spec_decode_num_draft_tokens") == statistics.drafted)
        #expect(total("vllm:spec_decode_num_accepted_tokens") == statistics.accepted)
        for (position, count) in statistics.acceptedAt.enumerated() {
            let counters = metrics.counters(
                label: "vllm:spec_decode_num_accepted_tokens_per_pos",
                dimensions: [("model_name", "observed"), ("position", "\(position)")])
            #expect(counters.reduce(0) { $0 + Int($1.totalValue) } == count)
        }
        #expect(total("vllm:request_success") == 1)
        for label in ["request.duration", "time_to_first_token", "time_per_output_token"] {
            #expect(metrics.timers(label: "gen_ai.server.\(label)").flatMap(\.values).count == 1)
        }
        let again = try await engine.complete(request)
        #expect(total("vllm:prefix_cache_hits") == again.statistics.cachedPromptTokens)
        #expect(again.statistics.cachedPromptTokens == result.promptTokens.count - 1)
    }

    @Test("an engine is a service: it runs until the group is shut down, and ends what it has begun")
    func lifecycle() async throws {
        let engine = try await Engine.load(
            verifier: Fixtures.modelPath(), configuration: EngineConfiguration(threads: 2))
        let group = ServiceGroup(configuration: .init(services: [engine], logger: .init(label: "test")))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let stream = try await engine.stream(CompletionRequest(.text("The sea"), maximumTokens: 200))
            await group.triggerGracefulShutdown()
            var result: CompletionResult?
            for try await delta in stream { result = delta.result }
            #expect(result != nil && result?.finishReason != .cancelled)
            try await tasks.waitForAll()
        }
        await #expect(throws: EngineError(.shuttingDown, "the engine is being shut down")) {
            try await engine.complete(CompletionRequest(.text("The sea"), maximumTokens: 2))
        }
    }
}
