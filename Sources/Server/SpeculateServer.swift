import Foundation
import Hummingbird
import Logging
import Metrics
import NIOCore
import ServiceLifecycle
import Speculate

/// The OpenAI-compatible HTTP service. It listens at once, answers that it is loading until the engine is ready, and
/// after SIGTERM or SIGINT finishes the requests in flight.
public struct SpeculateServer: Sendable {
    /// Why a server cannot listen.
    public struct ListenError: Error, CustomStringConvertible {
        public let description: String
    }

    private let options: ServerOptions
    private let model: String
    private let metrics: PrometheusMetrics
    private let logger: Logger
    private let holder: EngineHolder
    private let onListening: @Sendable (_ port: Int) -> Void

    /// - Parameters:
    ///   - model: the model's name for clients.
    ///   - metrics: what `/metrics` shows; should receive the engine's metrics too.
    ///   - load: loads the engine.
    ///   - onListening: called with the port.
    public init(
        _ options: ServerOptions, model: String, metrics: PrometheusMetrics, logger: Logger,
        load: @escaping @Sendable () async throws -> Engine, onListening: @escaping @Sendable (Int) -> Void = { _ in }
    ) {
        self.options = options
        self.model = model
        self.metrics = metrics
        self.logger = logger
        self.onListening = onListening
        holder = EngineHolder(load: load)
    }

    /// Serves until a signal arrives.
    /// - Throws: what `load` throws, or `ListenError`.
    public func run() async throws {
        if let problem = options.problem() { throw ListenError(description: problem) }
        // At info, log one line per request and nothing from the libraries.
        var logger = logger
        if logger.logLevel == .info { logger.logLevel = .notice }
        let application = Application(
            router: try router(),
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [ConnectionWatch(bodyLimit: options.bodyLimit)],
                    idleTimeout: .init(options.bodyTime * 2))),
            configuration: .init(
                address: .hostname(options.host, port: options.port), serverName: nil,
                availableConnectionsDelegate: .maximum(options.connections, logger: logger)),
            onServerRunning: { [onListening] in onListening($0.localAddress?.port ?? 0) }, logger: logger)
        let serving = Serving(application, drainTime: options.drainTime) { [holder] in await holder.engine?.stopAll() }
        // Services are shut down in reverse order.
        var group = ServiceGroupConfiguration(
            services: [
                // If loading fails, shut the others down gracefully, so that none reports an error of its own.
                .init(service: holder, successTerminationBehavior: .gracefullyShutdownGroup), .init(service: serving),
            ], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        // Answers that were cut short still have to be sent.
        group.maximumGracefulShutdownDuration = options.drainTime + .seconds(5)
        do {
            try await ServiceGroup(configuration: group).run()
        } catch let error as IOError {
            throw ListenError(
                description:
                    "cannot listen on \(options.host):\(options.port): \(String(cString: strerror(error.errnoCode)))")
        } catch is SocketAddressError.UnknownHost {
            throw ListenError(description: "cannot listen on \(options.host):\(options.port): the host is not known")
        } catch let error as SocketAddressError {
            throw ListenError(description: "cannot listen on \(options.host):\(options.port): \(error)")
        }
        if let error = await holder.failure { throw error }
    }

    private func router() throws -> Router<ServerContext> {
        let router = Router(context: ServerContext.self, options: .autoGenerateHeadEndpoints)
        router.middlewares.add(TracingMiddleware())
        router.middlewares.add(RequestLog(logger: logger))
        if let allowed = options.crossOrigin.flatMap(CrossOrigin.init) {
            router.middlewares.add(CrossOriginMiddleware(allowed: allowed))
        }
        router.middlewares.add(
            ErrorMiddleware(
                paths: [
                    "/v1/completions": .post, "/v1/chat/completions": .post, "/v1/diffuse": .post, "/v1/models": .get,
                    "/health": .get, "/metrics": .get, "/": .get, "/openapi.json": .get, "/tokenizer_info": .get,
                    "/tokenize": .post, "/detokenize": .post,
                ], bodyLimit: options.bodyLimit))
        router.middlewares.add(MetricsMiddleware())
        let largeBodies = LargeBodies()
        let completions = CompletionRoutes(holder: holder, options: options, largeBodies: largeBodies, model: model)
        let api = router.group("v1").add(middleware: KeyMiddleware(options.keys))
        api.post("completions") { try await completions.handle(.text, $0, $1) }
        api.post("chat/completions") { try await completions.handle(.chat, $0, $1) }
        let diffusion = DiffusionRoute(holder: holder, options: options, largeBodies: largeBodies, model: model)
        api.post("diffuse") { try await diffusion.handle($0, $1) }
        let models = ModelRoutes(holder: holder, options: options, model: model)
        api.get("models") { _, _ in try await models.list() }
        api.get("models/:model") { _, context in try await models.one(context.parameters.get("model") ?? "") }
        let tokens = TokenRoutes(holder: holder, options: options, largeBodies: largeBodies, model: model)
        let root = router.group().add(middleware: KeyMiddleware(options.keys))
        root.get("tokenizer_info") { _, _ in try await tokens.info() }
        root.post("tokenize") { try await tokens.tokenize($0, $1) }
        root.post("detokenize") { try await tokens.detokenize($0, $1) }
        router.get("health") { [holder] _, _ in
            let isLoaded = await holder.engine != nil
            return try Response(
                json: ["status": isLoaded ? "ok" : "loading"], status: isLoaded ? .ok : .serviceUnavailable)
        }
        router.get("metrics") { [metrics] _, _ in
            Response(
                status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
                body: .init(byteBuffer: ByteBuffer(string: metrics.text())))
        }
        let page = ByteBuffer(string: Page().html)
        router.get("/") { _, _ in
            Response(
                status: .ok,
                headers: [
                    .contentType: "text/html; charset=utf-8",
                    .contentSecurityPolicy:
                        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                        + "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
                    .xContentTypeOptions: "nosniff",
                ], body: .init(byteBuffer: page))
        }
        let description = ByteBuffer(
            string: String(decoding: PackageResources.openapi_json, as: UTF8.self)
                .replacing("\"MODEL\"", with: String(buffer: try ByteBuffer(json: model)))
                .replacing("\"VERSION\"", with: "\"\(Engine.version)\""))
        router.get("openapi.json") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "application/json; charset=utf-8"],
                body: .init(byteBuffer: description))
        }
        return router
    }
}
