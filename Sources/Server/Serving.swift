import ServiceLifecycle

/// Serves until told to shut down, then lets requests in flight finish; those that take longer than the drain time are
/// ended with what they have.
struct Serving<Application: Service>: Service {
    private let application: Application
    private let drainTime: Duration
    private let endAll: @Sendable () async -> Void

    init(_ application: Application, drainTime: Duration, endAll: @escaping @Sendable () async -> Void) {
        self.application = application
        self.drainTime = drainTime
        self.endAll = endAll
    }

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await application.run()
        } onGracefulShutdown: {
            Task {
                try await Task.sleep(for: drainTime)
                await endAll()
            }
        }
    }
}
