import SpeculateShared
import SpeculateVerifier
import Synchronization

/// Many completions in progress. Touched on the engine's thread alone, but for `stop`.
final class BatchRun: @unchecked Sendable {
    private let requests: [CompletionRequest]
    private let parallel: Int
    private var next = 0
    private var active: [(index: Int, generation: Generation)] = []
    private var finished: [CompletionBatch.Element] = []
    private let stopping = Atomic<Bool>(false)

    init(_ requests: [CompletionRequest], parallel: Int) {
        self.requests = requests
        self.parallel = parallel
    }

    var isDone: Bool { next == requests.count && active.isEmpty }
    var shouldStop: Bool { stopping.load(ordering: .relaxed) }
    func stop() { stopping.store(true, ordering: .relaxed) }

    /// Starts requests until as many run as may.
    func admit(_ begin: (CompletionRequest) throws(EngineError) -> Generation) {
        while active.count < parallel, next < requests.count {
            do throws(EngineError) {
                active.append((next, try begin(requests[next])))
            } catch {
                finished.append(.init(index: next, result: .failure(error)))
            }
            next += 1
        }
    }

    /// One pass over a step of every completion: those that write first, then prompts in what room is left.
    func step(_ batch: RowBatch, _ verifier: Verifier) {
        guard !active.isEmpty else { return }
        batch.removeAll()
        let writing = active.filter { !$0.generation.isPrefilling }
        let reading = active.filter { $0.generation.isPrefilling }
        let planned = (writing + reading).filter { $0.generation.plan(batch) }
        verifier.forward(batch)
        for (index, generation) in planned {
            do throws(EngineError) {
                _ = try generation.absorb()
                if let result = generation.result { finished.append(.init(index: index, result: .success(result))) }
            } catch {
                finished.append(.init(index: index, result: .failure(error)))
            }
        }
        let ended = Set(finished.map(\.index))
        active.removeAll { ended.contains($0.index) }
    }

    func takeFinished() -> [CompletionBatch.Element] {
        defer { finished.removeAll() }
        return finished
    }
}
