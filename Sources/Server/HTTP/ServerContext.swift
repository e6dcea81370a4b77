import Hummingbird
import NIOCore
import NIOHTTPTypes
import SpeculateShared

/// A request's context, with the connection that it came over.
struct ServerContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel
    /// Whose key the request came with; nil where there are not several.
    var client: String?
    /// What was answered, once it is: for the log.
    let summary = Locked<RequestSummary?>(nil)

    init(source: Source) {
        coreContext = .init(source: source)
        channel = source.channel
    }

    /// The interim answer that more may come, which a client that is gone does not bear.
    func sendContinue() {
        channel.writeAndFlush(HTTPResponsePart.head(.init(status: .continue)), promise: nil)
    }
}
