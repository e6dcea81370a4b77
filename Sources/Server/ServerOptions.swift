import SpeculateShared

/// How a server listens, and what clients may ask for.
public struct ServerOptions: Sendable {
    public var host: String
    /// 0 for any free port.
    public var port: Int
    /// Accepted keys, sent as `Authorization: Bearer KEY`; empty: no key is required.
    public var keys: [String]
    /// The most bytes of a request's body.
    public var bodyLimit: Int
    /// Time for a request's body to arrive; an idle connection is closed after twice this time.
    public var bodyTime: Duration
    /// The most time from a request to the end of its answer.
    public var timeLimit: Duration
    /// The most simultaneous connections; further ones wait to be accepted.
    public var connections: Int
    /// An idle stream gets a comment this often, so that proxies do not consider it dead.
    public var pingPeriod: Duration
    /// How long requests in flight may continue after SIGTERM.
    public var drainTime: Duration

    /// Defaults for what requests leave out.
    public var defaults: RequestDefaults
    /// The origin whose pages may send requests, as scheme://host[:port], or "*" for all; nil: only the server's own.
    public var crossOrigin: String?

    public init(
        host: String = "127.0.0.1", port: Int = 8080, keys: [String] = [],
        bodyLimit: Int = 1 << 20, bodyTime: Duration = .seconds(30), timeLimit: Duration = .seconds(300),
        connections: Int = 512, pingPeriod: Duration = .seconds(15), drainTime: Duration = .seconds(30),
        defaults: RequestDefaults = RequestDefaults(), crossOrigin: String? = nil
    ) {
        self.host = host
        self.port = port
        self.keys = keys
        self.bodyLimit = bodyLimit
        self.bodyTime = bodyTime
        self.timeLimit = timeLimit
        self.connections = connections
        self.pingPeriod = pingPeriod
        self.drainTime = drainTime
        self.defaults = defaults
        self.crossOrigin = crossOrigin
    }

    /// Describes the first invalid setting, starting with its flag's name; nil if all are valid.
    public func problem() -> String? {
        guard let crossOrigin, CrossOrigin(crossOrigin) == nil else { return nil }
        return "cors is \(excerpt(crossOrigin)), expected \(CrossOrigin.expected)"
    }
}
