import Foundation
import Hummingbird
import NIOCore
import SpeculateShared

/// Collects a request's body, up to a length and within a time.
struct JSONBody: Sendable {
    let limit: Int
    let time: Duration

    /// - Throws: `APIError` if its type is not JSON, or if it is too long or too slow.
    func collect(_ request: Request, _ context: ServerContext) async throws -> ByteBuffer {
        let type = request.headers[.contentType].flatMap { MediaType(from: $0) }
        let isDeclared = type?.isType(.applicationJson) ?? false
        // `curl -d` sends no content type or that of a form. A page of another site can do so too, but cannot hide its
        // origin.
        let isForm = request.headers[.contentType] == nil || type?.isType(.applicationUrlEncoded) ?? false
        guard isDeclared || isForm && request.headers[.origin] == nil else { throw mistyped(request) }
        let body = try await bytes(request, context)
        let first = body.readableBytesView.first { !" \t\r\n".utf8.contains($0) }
        guard isDeclared || first == UInt8(ascii: "{") else { throw mistyped(request) }
        return body
    }

    private func mistyped(_ request: Request) -> APIError {
        APIError(
            .unsupportedMediaType,
            "the content type is \(excerpt(request.headers[.contentType] ?? "")), expected application/json")
    }

    private func bytes(_ request: Request, _ context: ServerContext) async throws -> ByteBuffer {
        let tooLarge = APIError(
            .contentTooLarge, "the body has more than \(limit) bytes, the most that this server takes")
        // A body that declares itself too long is not waited for.
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit { throw tooLarge }
        // Only now: the response to the previous request may still be on its way.
        if request.headers[.expect]?.lowercased() == "100-continue" { context.sendContinue() }
        do {
            return try await withThrowingTaskGroup(of: ByteBuffer.self) { group in
                group.addTask { try await request.body.collect(upTo: limit) }
                group.addTask {
                    try await Task.sleep(for: time)
                    throw APIError(.requestTimeout, "the body was not complete after \(time)")
                }
                defer { group.cancelAll() }
                return try await group.next()!
            }
        } catch is NIOTooManyBytesError {
            throw tooLarge
        }
    }
}

extension JSONDecoder {
    /// - Throws: `APIError` for a field, or for a body that is not an object.
    func decode<Body: Decodable>(_ body: ByteBuffer) throws -> Body {
        do {
            return try decode(Body.self, from: Data(buffer: body))
        } catch let error as APIError {
            throw error
        } catch {
            throw APIError.invalid("the body is not a JSON object")
        }
    }
}
