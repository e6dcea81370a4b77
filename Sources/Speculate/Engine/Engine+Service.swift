import ServiceLifecycle

/// An engine in a `ServiceGroup`: put it before the services that use it, so that it is the last to be shut down.
extension Engine: Service {
    /// Returns after a graceful shutdown, when what was asked for before it is done.
    public func run() async throws {
        do {
            try await gracefulShutdown()
        } catch is CancellationError {}
        await drain()
        try saveTexts()
        if let done = try finishLearning() { configuration.logger.notice("\(done)") }
    }
}
