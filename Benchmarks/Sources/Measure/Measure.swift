import ArgumentParser

@main
struct Measure: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Times the engine's parts. Nothing else should run meanwhile.",
        subcommands: [
            KernelBenchmark.self, AttentionBenchmark.self, CacheBenchmark.self, MemoryBenchmark.self,
            PassBenchmark.self, HeadBenchmark.self, TokenizerBenchmark.self,
        ])
}
