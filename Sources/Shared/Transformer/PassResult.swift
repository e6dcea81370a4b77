/// What one pass of a verifier computed: logits, likeliest tokens and hidden states. It reads the verifier's scratch memory:
/// valid until that verifier's next pass, which asking it checks. Buffers and `HiddenStates` that it gave are not checked.
public struct PassResult {
    /// Counts a verifier's passes.
    package final class Clock {
        package private(set) var time = 0
        package init() {}
        package func advance() { time += 1 }
    }

    /// Finds the likeliest token of a row without its logits.
    package protocol LikeliestSearching: AnyObject {
        func likeliest(_ row: Int) -> Int32?
    }

    /// Rows that have logits, or a likeliest token at least.
    public let logitRowCount: Int
    /// Tokens that a row has logits of.
    public let vocabulary: Int

    private let logits: UnsafePointer<Float>  // [logit rows, stride]
    private let stride: Int
    /// Set: no logits were computed but those that it needed.
    private let search: (any LikeliestSearching)?
    private let kernels: Kernels
    private let states: HiddenStates
    private let clock: Clock
    private let time: Int

    package init(
        logitRowCount: Int, vocabulary: Int, logits: UnsafePointer<Float>, stride: Int,
        search: (any LikeliestSearching)?, states: HiddenStates, kernels: Kernels, clock: Clock
    ) {
        self.logitRowCount = logitRowCount
        self.vocabulary = vocabulary
        self.logits = logits
        self.stride = stride
        self.search = search
        self.states = states
        self.kernels = kernels
        self.clock = clock
        time = clock.time
    }

    private func check(_ index: Int) {
        precondition(time == clock.time, "the verifier has made another pass since")
        precondition((0..<logitRowCount).contains(index), "logits \(index) of \(logitRowCount)")
    }

    /// [vocabulary] of the batch's i-th row that asked for logits.
    package func logits(_ index: Int) -> UnsafePointer<Float> {
        check(index)
        precondition(search == nil, "the pass was asked for likeliest tokens alone")
        return logits + index * stride
    }

    /// [vocabulary] logits of the i-th row that has any; nil where the pass was asked for likeliest tokens alone.
    public func rowLogits(_ index: Int) -> UnsafeBufferPointer<Float>? {
        check(index)
        return search == nil ? UnsafeBufferPointer(start: logits(index), count: vocabulary) : nil
    }

    /// The token with the greatest logit in the batch's i-th row that asked for any, the lowest of equals; nil when that
    /// logit is not a finite number.
    public func likeliest(_ index: Int) -> Int32? {
        check(index)
        if let search { return search.likeliest(index) }
        return kernels.table.pointee.likeliest(logits(index), vocabulary)
    }

    /// What the taps saw of every row.
    public var hiddenStates: HiddenStates {
        precondition(time == clock.time, "the verifier has made another pass since")
        return states
    }
}
