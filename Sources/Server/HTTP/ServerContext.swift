import Hummingbird
import NIOCore
import NIOHTTPTypes
import SpeculateShared

/// A request's context, including its connection.
struct ServerContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel
    /// The client that the request's key belongs to; nil if there is only one.
    var client: String?
    /// What was generated, once answered: for the log.
    let summary = Locked<RequestSummary?>(nil)

    init(source: Source) {
        coreContext = .init(source: source)
        channel = source.channel
    }

    /// Sends the interim response "100 Continue"; a client that is gone replies with a reset.
    func sendContinue() {
        channel.writeAndFlush(HTTPResponsePart.head(.init(status: .continue)), promise: nil)
    }
}
