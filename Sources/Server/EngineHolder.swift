import ServiceLifecycle
import Speculate

/// The engine, once loaded. Until then the server answers that it is loading.
actor EngineHolder: Service {
    private let load: @Sendable () async throws -> Engine
    private(set) var engine: Engine?
    /// Why loading failed.
    private(set) var failure: (any Error)?

    init(load: @escaping @Sendable () async throws -> Engine) { self.load = load }

    func run() async throws {
        do {
            engine = try await load()
        } catch {
            failure = error
        }
        try await engine?.run()
    }

    /// - Throws: `APIError` if there is no engine yet.
    var loaded: Engine {
        get throws {
            guard let engine else {
                var error = APIError(.serviceUnavailable, "the model is being loaded", code: "loading")
                error.headers[.retryAfter] = "1"
                throw error
            }
            return engine
        }
    }
}
