import Hummingbird
import NIOCore
import SpeculateShared

/// Gives every error response OpenAI's error body, and says which methods a path has.
struct ErrorMiddleware: RouterMiddleware {
    let paths: [String: HTTPRequest.Method]
    let bodyLimit: Int

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        var response = try await answer(request, context, next)
        // The rest of such a body is not read, so the connection cannot be reused.
        let length = request.headers[.contentLength].flatMap { Int($0) } ?? 0
        if response.status == .contentTooLarge || length > bodyLimit { response.headers[.connection] = "close" }
        return request.method == .head ? response.createHeadResponse() : response
    }

    private func answer(
        _ request: Request, _ context: ServerContext, _ next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as APIError {
            return try error.response(from: request, context: context)
        } catch let error as HTTPError where error.status == .notFound {
            return try missing(request).response(from: request, context: context)
        } catch let error as any HTTPResponseError {
            let message = (error as? HTTPError)?.body ?? "\(error.status.code) \(error.status.reasonPhrase)"
            return try APIError(error.status, message).response(from: request, context: context)
        } catch is CancellationError {
            return try APIError(.serviceUnavailable, "the server is being shut down")
                .response(from: request, context: context)
        }
    }

    private func missing(_ request: Request) -> APIError {
        let path = request.uri.path
        guard let method = path.hasPrefix("/v1/models/") ? .get : paths[path] else {
            return APIError(.notFound, "there is nothing at \(excerpt(path)); /openapi.json tells what there is")
        }
        var error = APIError(
            .methodNotAllowed,
            "the method is \(excerpt(request.method.rawValue)), expected \(method.rawValue) for \(path)")
        error.headers[.allow] = method.rawValue
        return error
    }
}
