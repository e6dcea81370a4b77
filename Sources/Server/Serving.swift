import ServiceLifecycle

/// Serves until it is told to shut down, then ends what it has begun; what takes longer than the drain time is ended
/// where it stands, so that every client gets what there is.
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
