import Foundation
import Hummingbird

/// Tells browsers that pages of another origin may send requests, with any headers: OpenAI's JavaScript client alone
/// sends a dozen, and they change between versions.
struct CrossOriginMiddleware: RouterMiddleware {
    let allowed: CrossOrigin

    func handle(
        _ request: Request, context: ServerContext, next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        let origin = request.headers[.origin].flatMap { allowed.admits($0) ? $0 : nil }
        let isAskingFirst = request.method == .options && request.headers[.accessControlRequestMethod] != nil
        var response: Response
        if origin != nil, isAskingFirst {
            response = Response(status: .noContent, headers: permissions(request))
        } else {
            response = try await next(request, context)
        }
        if let origin { response.headers[.accessControlAllowOrigin] = allowed == .any ? "*" : origin }
        if allowed != .any { response.headers[values: .vary].append("Origin") }
        return response
    }

    private func permissions(_ request: Request) -> HTTPFields {
        var headers: HTTPFields = [.accessControlAllowMethods: "GET, POST, HEAD, OPTIONS"]
        let asked = request.headers[values: .accessControlRequestHeaders].flatMap { $0.split(separator: ",") }
        // Only valid header names are echoed.
        let names = asked.compactMap {
            HTTPFields.Element.Name($0.trimmingCharacters(in: .whitespaces))?.canonicalName
        }
        if !names.isEmpty { headers[.accessControlAllowHeaders] = names.joined(separator: ", ") }
        return headers
    }
}
