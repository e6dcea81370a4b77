import Hummingbird
import NIOCore

/// A request's context, with the connection that it came over.
struct ServerContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel
    /// Whose key the request came with; nil where there are not several.
    var client: String?

    init(source: Source) {
        coreContext = .init(source: source)
        channel = source.channel
    }
}
