import Hummingbird
import NIOCore
import Synchronization

/// Tells when a client hangs up while its request is being answered. A request that is only waited for is not noticed
/// otherwise, and its connection can still be used for the next one.
final class ConnectionWatch: ChannelInboundHandler, RemovableChannelHandler, Sendable {
    typealias InboundIn = NIOAny

    private struct State {
        var isClosed = false
        var onClose: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    /// What to do when the client hangs up; at once if it has. nil: nothing.
    func onClose(_ body: (@Sendable () -> Void)?) {
        let isClosed = state.withLock { state in
            state.onClose = body
            return state.isClosed
        }
        if isClosed { body?() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event as? ChannelEvent == .inputClosed { close() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        close()
        context.fireChannelInactive()
    }

    private func close() {
        let body = state.withLock { state in
            state.isClosed = true
            return state.onClose
        }
        body?()
    }
}
