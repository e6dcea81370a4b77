import Foundation
import Hummingbird
import Speculate
import SpeculateShared

/// An error in OpenAI's format: `{"error": {"message", "type", "param", "code"}}`.
struct APIError: HTTPResponseError, Encodable {
    let status: HTTPResponse.Status
    let message: String
    /// The request field at fault.
    var param: String?
    var code: String?
    var headers: HTTPFields = [:]

    init(_ status: HTTPResponse.Status, _ message: String, param: String? = nil, code: String? = nil) {
        self.status = status
        self.message = message
        self.param = param
        self.code = code
    }

    static func invalid(_ message: String, param: String? = nil, code: String? = nil) -> APIError {
        APIError(.badRequest, message, param: param, code: code)
    }

    static func unknownModel(_ asked: String, served: String) -> APIError {
        APIError(
            .notFound, "the model \(excerpt(asked)) does not exist here, expected '\(served)'", param: "model",
            code: "model_not_found")
    }

    init(_ error: EngineError) {
        switch error.code {
        case .invalidRequest, .unsupportedChatTemplate:
            self.init(.badRequest, error.message)
        case .contextOverflow:
            self.init(.badRequest, error.message, code: "context_length_exceeded")
        case .clientOverloaded:
            self.init(.tooManyRequests, error.message, code: "rate_limit_exceeded")
            headers[.retryAfter] = "1"
        case .overloaded, .shuttingDown:
            self.init(.serviceUnavailable, error.message, code: "overloaded")
            headers[.retryAfter] = "1"
        case .fileMissing, .fileUnreadable, .invalidCheckpoint, .runtime:
            self.init(.internalServerError, error.message)
        }
    }

    /// Where an answer was ended before anything of it was there: by the time limit, or else by a shutdown.
    static func notBegun(isLate: Bool) -> APIError {
        let reason =
            isLate ? "the answer did not begin within this server's time limit" : "the server is being shut down"
        var error = APIError(.serviceUnavailable, reason, code: "overloaded")
        error.headers[.retryAfter] = "1"
        return error
    }

    private var type: String {
        switch status {
        case .unauthorized: "authentication_error"
        case .tooManyRequests: "rate_limit_error"
        case _ where status.code >= 500: "server_error"
        default: "invalid_request_error"
        }
    }

    private enum Key: String, CodingKey { case error, message, type, param, code }

    func encode(to encoder: any Encoder) throws {
        var whole = encoder.container(keyedBy: Key.self)
        var error = whole.nestedContainer(keyedBy: Key.self, forKey: .error)
        try error.encode(message, forKey: .message)
        try error.encode(type, forKey: .type)
        try error.encode(param, forKey: .param)
        try error.encode(code, forKey: .code)
    }

    func response(from request: Request, context: some RequestContext) throws -> Response {
        var response = try Response(json: self, status: status)
        response.headers.append(contentsOf: headers)
        return response
    }
}
