import ArgumentParser
import Foundation
import Logging
import Metrics
import Speculate
import SpeculateServer

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Answer OpenAI's completion requests over HTTP.",
        discussion: """
            Paths: /v1/completions, /v1/chat/completions, /v1/models, /tokenize, /detokenize, /tokenizer_info, /health,
            /metrics, /openapi.json, and / to try it.
            SIGTERM or Ctrl-C ends it when the requests in progress are done.
            """)

    @Option(help: ArgumentHelp("The address to listen on.", valueName: "address"))
    var host = "127.0.0.1"

    @Option(parsing: .unconditional, help: ArgumentHelp("The port; 0 takes a free one.", valueName: "n"))
    var port = 8080

    @Option(help: ArgumentHelp("What clients call the model. Default: the file's name.", valueName: "name"))
    var modelName: String?

    @Option(
        help: ArgumentHelp("A file of API keys, one per line; clients send one of them.", valueName: "file"),
        completion: .file())
    var apiKeyFile: String?

    @Option(
        name: [.customShort("n"), .long], parsing: .unconditional,
        help: ArgumentHelp(
            "Maximum tokens of an answer where a request does not say; -1 fills the context.",
            discussion: "Default: 16 for a text completion, as OpenAI has it; a chat answer fills the context.",
            valueName: "n"))
    var maxTokens: Int?

    @Option(
        help: ArgumentHelp(
            "Pages of this origin may ask; '*' lets all. Default: only the server's own.", valueName: "origin"))
    var cors: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("Completions that share the model's passes.", valueName: "n"))
    var parallel = 16

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Completions that may wait; further ones are refused with 503.", valueName: "n"))
    var queue = 256

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Completions of one API key, in progress or waiting; further ones are refused with 429.",
            discussion: "In any case one of several keys has at most as many places as are left for others.",
            valueName: "n"))
    var clientShare: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Maximum tokens of a prompt. Default: what the context holds.", valueName: "n"))
    var maxPrompt: Int?

    @Option(parsing: .unconditional, help: ArgumentHelp("Maximum bytes of a request's body.", valueName: "n"))
    var maxBody = 1 << 20

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Seconds that a request may take; then it ends with what there is, or with 503 where nothing has begun.",
            valueName: "s"))
    var timeLimit = 300

    @Option(parsing: .unconditional, help: ArgumentHelp("Connections at once.", valueName: "n"))
    var maxConnections = 512

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("MiB kept for prompts that begin as earlier ones did.", valueName: "n"))
    var prefixMemory = 512

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Seconds between comments on a stream that brings nothing.", valueName: "s"))
    var pingPeriod = 15

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Seconds that requests may take after SIGTERM.", valueName: "s"))
    var drainTime = 30

    @Option(help: "The least of what is logged: trace, debug, info, notice, warning, error.")
    var logLevel: LogLevel = .notice

    @OptionGroup(title: "Sampling defaults") var sampling: SamplingDefaultFlags
    @OptionGroup(title: "Speculation") var speculation: SpeculationFlags
    @OptionGroup var texts: MemoryOption
    @OptionGroup var learning: LearnOptions
    @OptionGroup(title: "Model") var model: ModelOptions

    enum LogLevel: String, ExpressibleByArgument, CaseIterable {
        case trace, debug, info, notice, warning, error
    }

    func validate() throws {
        try check("port", port, in: 0...65535)
        try check("max-body", maxBody, in: 1...1 << 30)
        try check("time-limit", timeLimit, in: 1...86_400)
        try check("max-connections", maxConnections, in: 1...1_000_000)
        try check("prefix-memory", prefixMemory, in: 0...1 << 20)
        try check("ping-period", pingPeriod, in: 1...86_400)
        try check("drain-time", drainTime, in: 0...86_400)
        let configuration = EngineConfiguration(
            threads: model.threads, contextLength: model.context, promptLimit: maxPrompt, parallel: parallel,
            queue: queue, clientShare: clientShare)
        if let problem = configuration.problem() { throw ValidationError(FlagNames.replacing(in: problem)) }
        if let problem = maxTokens.flatMap(AnswerLimits.problem(maxTokens:)) { throw ValidationError(problem) }
        if let problem = sampling.defaults.options().problem() {
            throw ValidationError(FlagNames.replacing(in: problem))
        }
        if let problem = ServerOptions(crossOrigin: cors).problem() { throw ValidationError("--\(problem)") }
        if let modelName, modelName.isEmpty { throw ValidationError("--model-name is empty, expected a name") }
    }

    private var defaults: RequestDefaults {
        // `.max` exceeds, and so fills, any context.
        RequestDefaults(sampling: sampling.defaults, maximumTokens: maxTokens == -1 ? .max : maxTokens)
    }

    private func check(_ flag: String, _ value: Int, in range: ClosedRange<Int>) throws {
        guard range.contains(value) else {
            throw ValidationError("--\(flag) is \(value), expected \(range.lowerBound) to \(range.upperBound)")
        }
    }

    func run() async throws {
        try await reportingErrors {
            let path = try await model.location()
            try model.check(speculation, path)
            let metrics = PrometheusMetrics()
            MetricsSystem.bootstrap(metrics)
            LoggingSystem.bootstrap(StreamLogHandler.standardError)
            var logger = Logger(label: "speculate")
            logger.logLevel = Logger.Level(rawValue: logLevel.rawValue) ?? .notice
            let keys = try keys()
            guard !learning.isOn || Set(keys).count < 2 else {
                throw EngineError(
                    .invalidRequest,
                    "--learn learns from all clients alike, and '\(apiKeyFile ?? "")' holds \(Set(keys).count) keys: "
                        + "how fast answers come would tell one client what others ask; expected at most one key")
            }
            let options = ServerOptions(
                host: host, port: port, keys: keys, bodyLimit: maxBody, timeLimit: .seconds(timeLimit),
                connections: maxConnections, pingPeriod: .seconds(pingPeriod), drainTime: .seconds(drainTime),
                defaults: defaults, crossOrigin: cors)
            let name = modelName ?? URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
            let server = SpeculateServer(
                options, model: name, metrics: metrics, logger: logger,
                load: { [self, logger] in
                    let engine = try await model.load(speculation) { configuration in
                        configuration.modelName = name
                        configuration.parallel = parallel
                        configuration.queue = queue
                        configuration.clientShare = clientShare
                        configuration.promptLimit = maxPrompt
                        configuration.prefixMemory = prefixMemory << 20
                        texts.adjust(&configuration)
                        learning.adjust(&configuration)
                        configuration.logger = logger
                        configuration.metrics = metrics
                    }
                    Terminal.log("'\(name)' is loaded")
                    return engine
                },
                onListening: { [host] in Terminal.log("listening on http://\(host):\($0)") })
            do {
                try await server.run()
            } catch let error as SpeculateServer.ListenError {
                throw EngineError(.runtime, error.description)
            }
        }
    }

    private func keys() throws -> [String] {
        guard let apiKeyFile else { return [] }
        guard let text = try? String(contentsOfFile: apiKeyFile, encoding: .utf8) else {
            throw EngineError(.fileUnreadable, "the API key file '\(apiKeyFile)' cannot be read as text")
        }
        let keys = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty }
        guard !keys.isEmpty else {
            throw EngineError(.invalidRequest, "the API key file '\(apiKeyFile)' holds no key, expected one per line")
        }
        return keys
    }
}
