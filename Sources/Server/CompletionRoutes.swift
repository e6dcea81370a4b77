import AsyncAlgorithms
import Foundation
import Hummingbird
import NIOCore
import NIOHTTPTypes
import Speculate
import SpeculateShared

/// `/v1/completions` and `/v1/chat/completions`.
struct CompletionRoutes: Sendable {
    let holder: EngineHolder
    let options: ServerOptions
    let largeBodies: LargeBodies
    /// The model's name for clients.
    let model: String

    func handle(_ endpoint: Endpoint, _ request: Request, _ context: ServerContext) async throws -> Response {
        let engine = try await holder.loaded
        let body = try await read(
            .init(endpoint: endpoint, defaults: options.defaults.filled(for: engine.model)), request, context)
        if let asked = body.model, asked != model { throw APIError.unknownModel(asked, served: model) }
        let watch = try await context.channel.pipeline.handler(type: ConnectionWatch.self).get()
        let streams: [CompletionStream]
        do throws(EngineError) {
            streams = try await engine.streams(body.requests(timeout: options.timeLimit, client: context.client))
        } catch {
            throw APIError(error)
        }
        let writer = CompletionWriter(endpoint, body, model: model)
        guard body.isStreamed else {
            watch.onClose { for stream in streams { stream.stop() } }
            // A client that is gone replies with a reset, which closes the connection; others ignore it (RFC 9110,
            // 15.2).
            watch.onInputClosed { context.sendContinue() }
            defer {
                watch.onClose(nil)
                watch.onInputClosed(nil)
            }
            let answer = try await whole(streams, writer, body, engine, context)
            // An answer with log probabilities is long.
            guard body.logprobs != nil else { return try Response(json: answer) }
            return Response(encoded: try await largeBodies.run { try ByteBuffer(json: answer) })
        }
        return Response(
            status: .ok, headers: [.contentType: "text/event-stream; charset=utf-8", .cacheControl: "no-cache"],
            body: ResponseBody { output in
                watch.onClose { for stream in streams { stream.stop() } }
                // A client that stays connected but reads nothing must not keep its slot forever either.
                let limit = context.channel.eventLoop.scheduleTask(in: .init(options.timeLimit + options.drainTime)) {
                    context.channel.close(promise: nil)
                }
                defer {
                    limit.cancel()
                    watch.onClose(nil)
                    watch.onInputClosed(nil)
                }
                try await send(streams, writer, watch, context, to: &output)
                try await output.finish(nil)
            })
    }

    private func read(
        _ bodyContext: CompletionBody.Context, _ request: Request, _ context: ServerContext
    ) async throws -> CompletionBody {
        let body = try await JSONBody(limit: options.bodyLimit, time: options.bodyTime).collect(request, context)
        return try await largeBodies.decode(body) { try CompletionBody($0, bodyContext) }
    }

    // MARK: Answers

    private func whole(
        _ streams: [CompletionStream], _ writer: CompletionWriter, _ body: CompletionBody, _ engine: Engine,
        _ context: ServerContext
    ) async throws -> CompletionObject {
        try await withThrowingTaskGroup(of: (Int, CompletionDelta).self) { group in
            for (index, stream) in streams.enumerated() {
                group.addTask {
                    var answer = CompletionDelta(pieces: [])
                    for try await delta in stream {
                        answer.pieces += delta.pieces
                        answer.result = delta.result
                    }
                    return (index, answer)
                }
            }
            var writer = writer
            var choices = [CompletionChoice?](repeating: nil, count: streams.count)
            do {
                for try await (index, answer) in group {
                    guard let result = answer.result else { throw CancellationError() }
                    var choice = writer.choice(index, answer, isChunk: false)
                    if body.echoes {
                        writer.echo(
                            &choice, try body.prompts[index / body.count].text(engine), result,
                            first: try engine.detokenize([result.promptTokens[0]]))
                    }
                    choices[index] = choice
                }
            } catch let error as EngineError {
                throw APIError(error)
            }
            if let failure = writer.failure { throw failure }
            context.summary.withLock { $0 = writer.summary }
            return writer.whole(choices.compactMap { $0 })
        }
    }

    private enum Event: Sendable {
        case delta(Int, CompletionDelta)
        case failure(any Error)
        case ping
    }

    /// Sends server-sent events, one for each part of each choice as it arrives. A slow reader slows the streams.
    private func send(
        _ streams: [CompletionStream], _ writer: CompletionWriter, _ watch: ConnectionWatch, _ context: ServerContext,
        to output: inout any ResponseBodyWriter
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            let events = AsyncChannel<Event>()
            watch.onInputClosed { Task { await events.send(.ping) } }  // Only a write tells whether it is gone.
            for (index, stream) in streams.enumerated() {
                group.addTask {
                    do {
                        for try await delta in stream { await events.send(.delta(index, delta)) }
                    } catch {
                        await events.send(.failure(error))
                    }
                }
            }
            group.addTask {
                while !Task.isCancelled {
                    try await Task.sleep(for: options.pingPeriod)
                    await events.send(.ping)
                }
            }
            defer {
                events.finish()  // Otherwise suspended senders would never resume.
                group.cancelAll()
            }
            var writer = writer
            var left = streams.count
            for await event in events {
                do {
                    switch event {
                    case .delta(let index, let delta):
                        let choice = writer.choice(index, delta, isChunk: true)
                        if let failure = writer.failure { throw failure }
                        try await output.write(.event(writer.chunk(choice)))
                        if delta.result != nil { left -= 1 }
                    case .failure(let error): throw error
                    case .ping: try await output.write(ByteBuffer(string: ": ping\n\n"))
                    }
                } catch let error as APIError {
                    try await output.write(.event(error))
                    left = 0
                } catch let error as EngineError {
                    try await output.write(.event(APIError(error)))
                    left = 0
                }
                if left == 0 { break }
            }
            context.summary.withLock { $0 = writer.summary }
            if let usage = writer.usageChunk() { try await output.write(.event(usage)) }
            try await output.write(ByteBuffer(string: "data: [DONE]\n\n"))
        }
    }
}

extension CompletionRequest.Prompt {
    /// The prompt's text, for an echo.
    fileprivate func text(_ engine: Engine) throws(EngineError) -> String {
        switch self {
        case .text(let text): text
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        case .tokens(let tokens): try engine.detokenize(tokens)
        case .chat: ""
        }
    }
}
