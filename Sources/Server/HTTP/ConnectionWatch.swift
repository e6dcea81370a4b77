import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import SpeculateShared

/// Watches one connection while its request is being answered: reports when the client hangs up, and closes the
/// connection if it sends a longer body than any request may have. Neither would be noticed otherwise.
final class ConnectionWatch: ChannelInboundHandler, RemovableChannelHandler, Sendable {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart

    /// Gives the refusal time to reach a client that is still sending: closing at once would lose it.
    private static let lingerTime = TimeAmount.seconds(2)

    /// Bytes that the system buffers for a client that does not read. By default it would buffer megabytes, and the
    /// completion would keep filling them.
    private static let sendBuffer: SocketOptionValue = 128 << 10

    private struct State {
        var isInputClosed = false
        var isClosed = false
        var onInputClosed: (@Sendable () -> Void)?
        var onClose: (@Sendable () -> Void)?
        /// Bytes of the current request's body.
        var bytes = 0
        var isTooLong = false
    }

    private let bodyLimit: Int
    private let state = Locked(State())

    init(bodyLimit: Int) { self.bodyLimit = bodyLimit }

    func handlerAdded(context: ChannelHandlerContext) {
        _ = context.channel.setOption(.socketOption(.so_sndbuf), value: Self.sendBuffer)
        let pipeline = context.pipeline.syncOperations
        guard let codec = try? pipeline.handler(type: HTTP1ToHTTPServerCodec.self) else { return }
        try? pipeline.addHandler(HTTPVersionHandler(), position: .before(codec))
    }

    /// Sets what to do when the client hangs up; runs it at once if it already has. nil: nothing.
    func onClose(_ body: (@Sendable () -> Void)?) {
        let isClosed = state.withLock { state in
            state.onClose = body
            return state.isClosed
        }
        if isClosed { body?() }
    }

    /// Sets what to do when the client half-closes the connection; runs it at once if it already has. The client may
    /// still be reading, or be gone: only a write tells.
    func onInputClosed(_ body: (@Sendable () -> Void)?) {
        let isInputClosed = state.withLock { state in
            state.onInputClosed = body
            return state.isInputClosed
        }
        if isInputClosed { body?() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let isPassedOn: Bool
        switch unwrapInboundIn(data) {
        case .head(let head):
            let declared = head.headerFields[.contentLength].flatMap { Int($0) } ?? 0
            isPassedOn = count(declared: declared, context)
        case .body(let part): isPassedOn = count(part.readableBytes, context)
        case .end: isPassedOn = true
        }
        if isPassedOn { context.fireChannelRead(data) }
    }

    /// Counts bytes of a body, or starts a new request's count. Returns whether to pass the part on: everything up to
    /// and including the part that exceeds the limit, so that it can be refused.
    private func count(_ bytes: Int? = nil, declared: Int = 0, _ context: ChannelHandlerContext) -> Bool {
        let (wasTooLong, isTooLong) = state.withLock { state in
            let was = state.isTooLong
            state.bytes = bytes.map { state.bytes + $0 } ?? 0
            state.isTooLong = was || state.bytes > bodyLimit || declared > bodyLimit
            return (was, state.isTooLong)
        }
        if isTooLong, !wasTooLong {
            let channel = context.channel
            context.eventLoop.scheduleTask(in: Self.lingerTime) { channel.close(promise: nil) }
        }
        return !wasTooLong
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event as? ChannelEvent == .inputClosed {
            let body = state.withLock { state in
                state.isInputClosed = true
                return state.onInputClosed
            }
            body?()
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        let body = state.withLock { state in
            state.isClosed = true
            return state.onClose
        }
        body?()
        context.fireChannelInactive()
    }
}
