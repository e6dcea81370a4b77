import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import SpeculateShared

/// Speaks HTTP with the hub and where it redirects to.
struct HubClient: Sendable {
    private static let mostRedirects = 10

    let settings: HubSettings
    let report: @Sendable (FetchEvent) -> Void
    private let http: HTTPClient

    /// Runs `body` with a client that is closed afterwards.
    static func with<R: Sendable>(
        _ settings: HubSettings, report: @escaping @Sendable (FetchEvent) -> Void,
        _ body: @Sendable (HubClient) async throws -> R
    ) async throws -> R {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: TimeAmount(settings.patience), read: TimeAmount(settings.silence)))
        configuration.httpVersion = .http1Only
        // Attempts are counted here, where they are told of.
        configuration.connectionPool.retryConnectionEstablishment = false
        return try await HTTPClient.withHTTPClient(configuration: configuration) { http in
            try await body(HubClient(settings: settings, report: report, http: http))
        }
    }

    /// One request, and those that it is redirected to. The token goes to the hub's own host alone.
    /// - Parameter staysOnHost: whether an answer that redirects to another host, or describes what it redirects to, is
    ///   wanted as it is.
    /// - Throws: `TransientFailure`, or `ModelFileError` about a redirect.
    func send(
        _ method: HTTPMethod, _ start: URL, headers: HTTPHeaders = [:], staysOnHost: Bool = false
    ) async throws -> HTTPClientResponse {
        var url = start
        for _ in 0...Self.mostRedirects {
            var request = HTTPClientRequest(url: url.absoluteString)
            request.method = method
            request.headers = headers
            request.headers.replaceOrAdd(name: "User-Agent", value: "speculate")
            request.headers.replaceOrAdd(name: "Accept-Encoding", value: "identity")
            if let token = settings.token, settings.endpoint.mayHaveToken(url) {
                request.headers.replaceOrAdd(name: "Authorization", value: "Bearer \(token.value)")
            }
            let response = try await answer(request)
            if let failure = TransientFailure(response) { throw failure }
            guard (300..<400).contains(response.status.code) else { return response }
            if staysOnHost, response.headers.contains(name: "X-Linked-Etag") { return response }
            url = try target(of: response, from: url)
            if staysOnHost, Origin(url) != Origin(start) { return response }
        }
        throw ModelFileError(.runtime, "\(Self.name(start)) redirects more than \(Self.mostRedirects) times")
    }

    private func answer(_ request: HTTPClientRequest) async throws -> HTTPClientResponse {
        do {
            return try await http.execute(request, deadline: .now() + TimeAmount(settings.patience + settings.silence))
        } catch {
            try Task.checkCancellation()
            throw TransientFailure(error, settings)
        }
    }

    private func target(of response: HTTPClientResponse, from url: URL) throws(ModelFileError) -> URL {
        guard let location = response.headers.first(name: "Location"),
            let next = URL(string: location, relativeTo: url)?.absoluteURL, let origin = Origin(next)
        else {
            throw ModelFileError(
                .runtime, "\(Self.name(url)) redirects, status \(response.status.code), but not to an address")
        }
        guard origin.scheme == "https" || Origin(url)?.scheme == "http" else {
            throw ModelFileError(.runtime, "\(Self.name(url)) redirects to \(origin), expected an address with https")
        }
        return next
    }

    /// Repeats what fails in a way that may pass.
    func retrying<R>(_ url: URL, _ body: () async throws -> R) async throws -> R {
        var attempts = Attempts()
        while true {
            do {
                return try await body()
            } catch let failure as TransientFailure {
                let pause = try attempts.pause(after: failure, hasGained: false, Self.name(url))
                report(.retrying(reason: failure.reason, pause: pause))
                try await Task.sleep(for: pause)
            }
        }
    }

    /// A whole answer of bounded length.
    func body(of response: HTTPClientResponse, from url: URL, most: Int) async throws -> Data {
        do {
            return Data(Array(try await response.body.collect(upTo: most).readableBytesView))
        } catch is NIOTooManyBytesError {
            throw ModelFileError(.runtime, "\(Self.name(url)) answers with more than \(most.bytesForPeople)")
        } catch {
            try Task.checkCancellation()
            throw TransientFailure(error, settings)
        }
    }

    /// The address for a message: without its query, which may hold a signature.
    static func name(_ url: URL) -> String {
        (Origin(url)?.description ?? "") + excerpt(url.path, longest: 200).dropFirst().dropLast()
    }
}
