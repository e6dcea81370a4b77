/// What one pass of a verifier computed: logits, likeliest tokens and hidden states. It reads the verifier's scratch memory:
/// valid until that verifier's next pass, which asking it checks; nothing checks when a buffer that it gave is read.
public struct PassResult {
    /// Finds the likeliest token of a row without its logits.
    package protocol LikeliestSearching: AnyObject {
        func likeliest(_ row: Int) -> Int32?
        /// [vocabulary, padded to whole panels] bounds of a row's logits, close to them.
        func bounds(_ row: Int) -> UnsafePointer<Float>
    }

    /// The rows that have logits, or a likeliest token at least, ascending.
    public let logitRows: [Int]
    /// Tokens that a row has logits of.
    public let vocabulary: Int

    private let logits: UnsafePointer<Float>  // [logit rows, stride]
    private let stride: Int
    /// Set: no logits were computed but those that it needed.
    private let search: (any LikeliestSearching)?
    private let kernels: Kernels
    private let tapped: HiddenStates
    private let clock: PassClock
    private let time: Int

    package init(
        logitRows: [Int], vocabulary: Int, logits: UnsafePointer<Float>, stride: Int,
        search: (any LikeliestSearching)?, hiddenStates: HiddenStates, kernels: Kernels, clock: PassClock
    ) {
        self.logitRows = logitRows
        self.vocabulary = vocabulary
        self.logits = logits
        self.stride = stride
        self.search = search
        tapped = hiddenStates
        self.kernels = kernels
        self.clock = clock
        time = clock.time
    }

    private func check(_ index: Int) {
        precondition(time == clock.time, "the verifier has made another pass since")
        precondition(logitRows.indices.contains(index), "logits \(index) of \(logitRows.count)")
    }

    /// [vocabulary] of row `logitRows[index]`.
    package func logits(_ index: Int) -> UnsafePointer<Float> {
        check(index)
        precondition(search == nil, "the pass was asked for likeliest tokens alone")
        return logits + index * stride
    }

    /// [vocabulary] logits of row `logitRows[index]`; nil where the pass was asked for likeliest tokens alone.
    public func logitBuffer(_ index: Int) -> UnsafeBufferPointer<Float>? {
        check(index)
        return search == nil ? UnsafeBufferPointer(start: logits(index), count: vocabulary) : nil
    }

    /// The token with the greatest logit in row `logitRows[index]`, the lowest of equals; nil when that logit is not a
    /// finite number.
    public func likeliest(_ index: Int) -> Int32? {
        check(index)
        if let search { return search.likeliest(index) }
        return kernels.table.pointee.likeliest(logits(index), vocabulary)
    }

    /// The `count` likeliest tokens in row `logitRows[index]` or thereabouts, the likeliest first: where no logits were
    /// computed, by their bounds.
    package func likeliest(_ index: Int, count: Int) -> [Int32] {
        check(index)
        return kernels.greatest(count, of: search?.bounds(index) ?? logits(index), outputs: vocabulary)
    }

    /// What the taps saw of every row.
    public var hiddenStates: HiddenStates {
        precondition(time == clock.time, "the verifier has made another pass since")
        return tapped
    }
}
