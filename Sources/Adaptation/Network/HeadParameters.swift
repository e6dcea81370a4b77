import SpeculateDrafter
import SpeculateShared

/// The tensors of a drafter that are trained: what its file holds from the last layer's feed-forward network on.
package struct HeadParameters {
    package struct FeedForward {
        package var norm, gate, up, down: Parameter

        package init(norm: Parameter, gate: Parameter, up: Parameter, down: Parameter) {
            self.norm = norm
            self.gate = gate
            self.up = up
            self.down = down
        }
    }

    /// The bias that a token adds to the logits of the next one: output · embedding[token].
    package struct Markov {
        package var embedding, output: Parameter

        package init(embedding: Parameter, output: Parameter) {
            self.embedding = embedding
            self.output = output
        }
    }

    /// Scores pairs of tokens (DFlash 2).
    package struct Selector {
        package var predecessor, successor, gate: Parameter
        /// Candidates of a slot.
        package var count: Int
        package var logitScale, softcap: Float

        package init(
            predecessor: Parameter, successor: Parameter, gate: Parameter, count: Int, logitScale: Float, softcap: Float
        ) {
            self.predecessor = predecessor
            self.successor = successor
            self.gate = gate
            self.count = count
            self.logitScale = logitScale
            self.softcap = softcap
        }
    }

    /// Nil where the last layer's is more than a gated network, and so stays as it is.
    package var feedForward: FeedForward?
    package var norm: Parameter
    package var output: Parameter
    /// Whether the output's matrix is the drafter's own, and no embedding at the same time.
    package var trainsOutput: Bool
    /// Whether anything but the Markov head or the selector is trained.
    package var trainsBody = true
    package var markov: Markov?
    package var selector: Selector?
    package var epsilon: Float
    package var isGelu: Bool

    package init(
        feedForward: FeedForward?, norm: Parameter, output: Parameter, trainsOutput: Bool = true, markov: Markov?,
        selector: Selector?, epsilon: Float, isGelu: Bool = false
    ) {
        self.feedForward = feedForward
        self.norm = norm
        self.output = output
        self.trainsOutput = trainsOutput
        self.markov = markov
        self.selector = selector
        self.epsilon = epsilon
        self.isGelu = isGelu
    }

    /// - Parameter verifier: whose output matrix is the drafter's where its file has none.
    /// - Throws: `CheckpointError` if a file cannot be read.
    init(
        _ file: Checkpoint, _ model: BlockDiffusionModel, verifier: Checkpoint, trainsBody: Bool = true
    ) throws(CheckpointError) {
        func parameter(_ name: String) throws(CheckpointError) -> Parameter {
            guard let info = file.tensor(name) else { throw .tensor(name, "is missing") }
            return try Parameter(file, info, isTrained: trainsBody)
        }
        guard model.config.process == .absorbing else {
            throw .invalid(
                key: "speculate.process", value: "'\(model.config.process.rawValue)'",
                expected: "'absorbing': drafters of other processes do not learn from texts")
        }
        self.trainsBody = trainsBody
        if model.endsInPlainFeedForward {
            let layer = "blk.\(model.config.transformer.layers - 1)"
            feedForward = FeedForward(
                norm: try parameter("\(layer).ffn_norm.weight"), gate: try parameter("\(layer).ffn_gate.weight"),
                up: try parameter("\(layer).ffn_up.weight"), down: try parameter("\(layer).ffn_down.weight"))
        }
        norm = try parameter("output_norm.weight")
        trainsOutput = trainsBody && file.tensor("output.weight") != nil
        let borrowed = file.tensor("token_embd.weight").map { (file, $0) }
        let lent = (verifier.tensor("output.weight") ?? verifier.tensor("token_embd.weight")).map { (verifier, $0) }
        guard let (holder, info) = file.tensor("output.weight").map({ (file, $0) }) ?? borrowed ?? lent else {
            throw .tensor("output.weight", "is missing")
        }
        output = try Parameter(holder, info, isTrained: trainsBody)
        epsilon = model.config.transformer.epsilon
        isGelu = model.activation == .gelu
        try readPairs(file, model)
    }

    /// Makes the Markov head or the selector what it is in the file.
    mutating func readPairs(
        _ file: Checkpoint, _ model: BlockDiffusionModel, isTrained: Bool = true
    ) throws(CheckpointError) {
        func parameter(_ name: String, isTable: Bool = false) throws(CheckpointError) -> Parameter {
            guard let info = file.tensor(name) else { throw .tensor(name, "is missing") }
            return try Parameter(file, info, isTable: isTable, isTrained: isTrained)
        }
        if file.tensor("markov_w1.weight") != nil {
            markov = Markov(
                embedding: try parameter("markov_w1.weight", isTable: true), output: try parameter("markov_w2.weight"))
        }
        if let shape = model.config.selector {
            selector = Selector(
                predecessor: try parameter("selector_predecessor.weight", isTable: true),
                successor: try parameter("selector_successor.weight", isTable: true),
                gate: try parameter("selector_hidden.weight"), count: shape.count, logitScale: shape.logitScale,
                softcap: shape.softcap)
        }
    }

    /// Gives the drafter another vocabulary: the rows of new tokens are what a linear map makes of the verifier's.
    /// - Returns: the file's tensors that are not trained but change with it.
    /// - Throws: `CheckpointError` if a file cannot be read.
    mutating func change(
        to vocabulary: DraftVocabulary, of old: [Int32], _ file: Checkpoint, verifier: Checkpoint
    ) throws(CheckpointError) -> [String: (type: TensorType, bytes: [UInt8])] {
        guard let table = verifier.tensor("token_embd.weight"), let ids = file.tensor("d2t") else { return [:] }
        let embedding = try verifier.floats(of: table)
        let hidden = norm.count
        func verifierRow(_ token: Int32) -> ArraySlice<Float> {
            embedding[Int(token) * hidden..<(Int(token) + 1) * hidden]
        }
        let known = Array(old.map(verifierRow).joined())
        func changed(_ parameter: Parameter) -> Parameter {
            let values = Array(UnsafeBufferPointer(start: parameter.rounded, count: parameter.count))
            let map = LinearMap(from: known, to: values, rows: old.count)
            return Parameter(parameter, sources: vocabulary.sources) { map(verifierRow(vocabulary.tokens[$0])) }
        }
        output = changed(output)
        if let head = markov { markov = Markov(embedding: head.embedding, output: changed(head.output)) }
        var others: [String: (type: TensorType, bytes: [UInt8])] = [:]
        others[ids.name] = (ids.type, vocabulary.tokens.flatMap { withUnsafeBytes(of: Int64($0)) { Array($0) } })
        if let own = file.tensor("speculate.draft_embd.weight"), let map = file.tensor("speculate.embd_proj.weight"),
            let bias = file.tensor("speculate.embd_proj.bias")
        {
            // New tokens are embedded as they were before, when they could not be drafted.
            let (project, add) = (LinearMap(try file.floats(of: map), inputs: hidden), try file.floats(of: bias))
            let moved = Parameter(try Parameter(file, own, isTable: true), sources: vocabulary.sources) { row in
                zip(project(verifierRow(vocabulary.tokens[row])), add).map { $0 + $1 }
            }
            others[own.name] = (moved.type, moved.bytes)
        }
        return others
    }

    /// What was trained, by name, as a file holds it.
    var tensors: [String: (type: TensorType, bytes: [UInt8])] {
        Dictionary(uniqueKeysWithValues: trained.map { ($0.name, ($0.type, $0.bytes)) })
    }

    /// Those that a step changes.
    package var trained: [Parameter] {
        var all = trainsBody ? [norm] : []
        if trainsOutput { all.append(output) }
        if trainsBody, let feedForward {
            all += [feedForward.norm, feedForward.gate, feedForward.up, feedForward.down]
        }
        if let markov { all += [markov.embedding, markov.output] }
        if let selector { all += [selector.predecessor, selector.successor, selector.gate] }
        return all
    }
}
