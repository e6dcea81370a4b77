import Foundation
import Hummingbird
import NIOCore
import Speculate
import SpeculateShared

/// `/v1/diffuse`: a text written by diffusion alone, every pass over a block as a server-sent event.
struct DiffusionRoute: Sendable {
    /// Passes that may wait for a slow reader; beyond them only a block's last ones are sent.
    private static let backlog = 64

    let holder: EngineHolder
    let options: ServerOptions
    let largeBodies: LargeBodies
    /// The model's name for clients.
    let model: String

    func handle(_ request: Request, _ context: ServerContext) async throws -> Response {
        let engine = try await holder.loaded
        let body = try await read(request, context)
        if let asked = body.model, asked != model { throw APIError.unknownModel(asked, served: model) }
        guard let kind = engine.diffusionKind else {
            throw APIError.invalid(
                "no block diffusion drafter is loaded here, expected one to write with", code: "no_diffusion_drafter")
        }
        var asked = body.request
        asked.client = context.client
        if let problem = asked.problem(for: kind) {
            throw APIError.invalid(problem, param: String(problem.prefix { $0 != " " }))
        }
        let seed = asked.seed
        let watch = try await context.channel.pipeline.handler(type: ConnectionWatch.self).get()
        let (steps, continuation) = AsyncStream<DiffusionStep>.makeStream()
        let (begun, begin) = AsyncStream<Void>.makeStream()
        let sent = Locked((waiting: 0, all: 0))
        let work = Task { [asked] in
            defer {
                continuation.finish()
                begin.finish()
            }
            return try await engine.diffuse(asked) { step in
                let isSent = sent.withLock { sent in
                    guard step.text != nil || sent.waiting < Self.backlog else { return false }
                    sent.waiting += 1
                    sent.all += 1
                    return true
                }
                if isSent { continuation.yield(step) }
                begin.finish()
            }
        }
        let isLate = Locked(false)
        let loop = context.channel.eventLoop
        let end = loop.scheduleTask(in: .init(options.timeLimit)) {
            isLate.withLock { $0 = true }
            work.cancel()
        }
        // What cannot be served at all is refused with a status: that shows before the first pass ends.
        watch.onClose { work.cancel() }
        for await _ in begun {}
        if sent.withLock({ $0.all == 0 }) {
            watch.onClose(nil)
            end.cancel()
            do { _ = try await work.value } catch let error as EngineError { throw APIError(error) }
            throw APIError.notBegun(isLate: isLate.withLock(\.self))
        }
        return Response(
            status: .ok, headers: [.contentType: "text/event-stream; charset=utf-8", .cacheControl: "no-cache"],
            body: ResponseBody { output in
                let limit = loop.scheduleTask(in: .init(options.timeLimit + options.drainTime)) {
                    context.channel.close(promise: nil)
                }
                defer {
                    end.cancel()
                    limit.cancel()
                    work.cancel()
                    watch.onClose(nil)
                }
                for await step in steps {
                    sent.withLock { $0.waiting -= 1 }
                    try await output.write(.event(DiffusionEvent.step(step)))
                }
                do {
                    let result = try await work.value
                    context.summary.withLock { $0 = RequestSummary(tokens: result.tokens.count, rounds: result.blocks) }
                    if result.blocks == 0 {
                        try await output.write(.event(APIError.notBegun(isLate: isLate.withLock(\.self))))
                    } else {
                        try await output.write(.event(DiffusionEvent.end(result, process: kind.rawValue, seed: seed)))
                    }
                } catch let error as EngineError {
                    try await output.write(.event(APIError(error)))
                }
                try await output.write(ByteBuffer(string: "data: [DONE]\n\n"))
                try await output.finish(nil)
            })
    }

    private func read(_ request: Request, _ context: ServerContext) async throws -> DiffusionBody {
        let body = try await JSONBody(limit: options.bodyLimit, time: options.bodyTime).collect(request, context)
        return try await largeBodies.decode(body) { try JSONDecoder().decode($0) }
    }
}
