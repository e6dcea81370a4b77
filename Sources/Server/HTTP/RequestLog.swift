import Hummingbird
import Logging

/// Logs one line per request, at info, once it is answered.
struct RequestLog: RouterMiddleware {
    let logger: Logger

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        let start = ContinuousClock.now
        var response = try await next(request, context)
        let (body, status) = (response.body, response.status)
        response.body = ResponseBody(contentLength: body.contentLength) { writer in
            defer { log(request, status, context, ContinuousClock.now - start) }
            try await body.write(writer)
        }
        return response
    }

    private func log(_ request: Request, _ status: HTTPResponse.Status, _ context: ServerContext, _ time: Duration) {
        var line = "\(request.method) \(request.uri.path) \(status.code)"
        if let summary = context.summary.withLock({ $0 }), summary.rounds > 0 {
            let length = Double(summary.tokens * 100 / summary.rounds) / 100
            line += ", \(summary.tokens) tokens, τ \(length)"
        }
        logger.info("\(line), \(Int(time / .milliseconds(1))) ms")
    }
}
