import SpeculateShared

/// How a server listens, and what it lets clients ask for.
public struct ServerOptions: Sendable {
    public var host: String
    /// 0 takes any free one.
    public var port: Int
    /// Keys of which a client must send one, as `Authorization: Bearer KEY`; empty: everybody is served.
    public var keys: [String]
    /// Maximum bytes of a request's body.
    public var bodyLimit: Int
    /// For a request's body to arrive; a connection without a request is closed after twice this.
    public var bodyTime: Duration
    /// Longest time from a request to the end of its answer.
    public var timeLimit: Duration
    /// Connections at once; further ones wait to be accepted.
    public var connections: Int
    /// A stream that brings nothing for so long gets a comment, so that nothing between takes it for dead.
    public var pingPeriod: Duration
    /// How long requests in progress may continue after SIGTERM.
    public var drainTime: Duration

    /// For requests that do not say.
    public var defaults: RequestDefaults
    /// The origin of pages that may ask, as scheme://host[:port], "*" for all; nil: only the server's own.
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

    /// The first setting that no server takes, in words that begin with its flag's name; nil when all are sound.
    public func problem() -> String? {
        guard let crossOrigin, CrossOrigin(crossOrigin) == nil else { return nil }
        return "cors is \(excerpt(crossOrigin)), expected \(CrossOrigin.expected)"
    }
}
