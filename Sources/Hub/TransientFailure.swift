import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import SpeculateShared

/// A failure that another attempt may not meet.
struct TransientFailure: Error {
    let reason: String
    /// How long the server asks to wait; nil if it does not.
    let pause: Duration?
    /// Whether not even a connection came about.
    let isUnreachable: Bool

    init(_ reason: String, pause: Duration? = nil, isUnreachable: Bool = false) {
        self.reason = reason
        self.pause = pause
        self.isUnreachable = isUnreachable
    }

    /// What the HTTP client says when a connection fails.
    init(_ error: any Error, _ settings: HubSettings) {
        switch error {
        case let error as TransientFailure: self = error
        case let error as NIOConnectionError:
            let reason = (error.connectionErrors.first?.error as? IOError).map {
                String(cString: strerror($0.errnoCode))
            }
            self.init(reason ?? "the host '\(error.host)' is not known", isUnreachable: true)
        case let error as HTTPClientError where error == .connectTimeout || error == .tlsHandshakeTimeout:
            self.init("no connection within \(settings.patience.components.seconds) seconds", isUnreachable: true)
        case let error as HTTPClientError where error == .readTimeout || error == .deadlineExceeded:
            self.init("nothing came for \(settings.silence.components.seconds) seconds")
        case let error as HTTPClientError where error == .remoteConnectionClosed || error == .uncleanShutdown:
            self.init("the connection was cut")
        case let error as IOError:
            self.init(
                String(cString: strerror(error.errnoCode)),
                isUnreachable: [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ETIMEDOUT].contains(error.errnoCode))
        case HTTPParserError.invalidEOFState: self.init("the connection was cut")
        case is HTTPParserError: self.init("the answer is not HTTP")
        // What TLS has against a server is in the description alone.
        case let error where "\(error)".contains("CERTIFICATE_VERIFY_FAILED"):
            self.init("this system does not trust its certificate", isUnreachable: true)
        case let error where "\(error)".contains("handshakeFailed"):
            self.init("the TLS handshake failed", isUnreachable: true)
        default: self.init(excerpt("\(error)", longest: 200))
        }
    }

    /// The statuses that may be others later.
    init?(_ response: HTTPClientResponse) {
        let code = response.status.code
        guard code == 408 || code == 425 || code == 429 || code >= 500 else { return nil }
        self.init(
            "status \(code)\(code == 429 ? ", too many requests" : "")",
            pause: response.headers.first(name: "Retry-After").flatMap { RetryAfter.pause($0) })
    }
}
