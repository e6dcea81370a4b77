import SpeculateShared

/// A tensor of the file to be, and what it is made of.
struct PlannedTensor: Sendable {
    enum Source: Sendable {
        case tensor(SourceTensor)
        case floats([Float])
    }

    let name: String
    let source: Source
    /// The fastest dimension first.
    let shape: [Int]
    /// The head's length where rows are permuted from rotating halves to rotating neighbours; else 1.
    var permutedHead = 1
    /// Added to every weight.
    var offset: Float = 0

    /// Whether it may be quantised: norms, biases and other vectors stay floats.
    var isMatrix: Bool { shape.count == 2 && name.hasSuffix(".weight") }
    var isHead: Bool { name == "output.weight" }
    var isEmbedding: Bool { name == "token_embd.weight" }
}
