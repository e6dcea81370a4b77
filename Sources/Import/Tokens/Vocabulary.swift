import SpeculateShared

/// The tokens of a model, each with its kind and, for SentencePiece's BPE, its score.
struct Vocabulary {
    private var texts: [[UInt8]?]
    private var kinds: [TokenKind]
    private(set) var scores: [Float]

    /// - Parameter score: of ids that no token has. The model's matrices may have rows for some.
    init(count: Int, score: Float) {
        texts = [[UInt8]?](repeating: nil, count: count)
        kinds = [TokenKind](repeating: .unused, count: count)
        scores = [Float](repeating: score, count: count)
    }

    var count: Int { texts.count }

    /// - Throws: `ModelFileError` if there is no such id, or it is taken.
    mutating func add(
        _ text: [UInt8], id: Int, _ kind: TokenKind, score: Float = 0, replaces: Bool = false, file: String
    ) throws(ModelFileError) {
        let name = excerpt(String(decoding: text, as: UTF8.self))
        guard texts.indices.contains(id) else {
            throw .bad(file, "token \(name) has the id \(id), expected less than config.json's vocab_size, \(count)")
        }
        if let other = texts[id], other != text, !replaces {
            throw .bad(
                file, "tokens \(excerpt(String(decoding: other, as: UTF8.self))) and \(name) have the same id, \(id)")
        }
        texts[id] = text
        kinds[id] = kind
        scores[id] = score
    }

    mutating func add(
        _ added: [AddedToken], score: Float = 0, replaces: Bool, file: String
    ) throws(ModelFileError) {
        for token in added {
            try add(
                Array(token.text.utf8), id: token.id, token.isControl ? .control : .userDefined, score: score,
                replaces: replaces, file: file)
        }
    }

    var tokens: ByteStrings {
        var tokens = ByteStrings()
        tokens.reserveCapacity(count)
        for (id, text) in texts.enumerated() { tokens.append(text ?? Array("[PAD\(id)]".utf8)) }
        return tokens
    }

    var types: [Int32] { kinds.map { Int32($0.rawValue) } }
}
