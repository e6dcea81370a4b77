import SpeculateShared

/// tokenizer.model, SentencePiece's own file: a protocol buffer of pieces, and how the model was trained.
struct SentencePieceFile {
    struct Piece {
        var text: [UInt8] = []
        var score: Float = 0
        var kind = TokenKind.normal
    }

    private static let file = TokenizerFiles.sentencePieceName
    /// BPE, among SentencePiece's models.
    private static let bytePairs: UInt64 = 2

    private(set) var pieces: [Piece] = []
    /// Whether a text gets a space before its first word.
    private(set) var addsSpace = true

    init(_ folder: ModelFolder) throws(ModelFileError) {
        var isBytePairs = false
        var message = ProtocolBuffer(try folder.bytes(of: Self.file)[...], file: Self.file)
        while let field = try message.next() {
            switch (field.number, field.value) {
            case (1, .bytes(let bytes)): pieces.append(try Self.piece(bytes))
            case (2, .bytes(let bytes)):
                var trainer = ProtocolBuffer(bytes, file: Self.file)
                while let field = try trainer.next() {
                    if field.number == 3, case .number(let kind) = field.value { isBytePairs = kind == Self.bytePairs }
                }
            case (3, .bytes(let bytes)): try readNormalizer(bytes)
            default: break
            }
        }
        guard isBytePairs else { throw .bad(Self.file, "is no model of byte pairs (BPE), which alone is converted") }
        guard !pieces.isEmpty else { throw .bad(Self.file, "has no tokens") }
    }

    private static func piece(_ bytes: ArraySlice<UInt8>) throws(ModelFileError) -> Piece {
        var piece = Piece()
        var message = ProtocolBuffer(bytes, file: file)
        while let field = try message.next() {
            switch (field.number, field.value) {
            case (1, .bytes(let text)): piece.text = Array(text)
            case (2, .word(let bits)): piece.score = Float(bitPattern: bits)
            case (3, .number(let number)):
                guard let kind = TokenKind(rawValue: Int(min(number, 99))) else {
                    throw .bad(file, "has a token of type \(number), expected 1 to 6")
                }
                piece.kind = kind
            default: break
            }
        }
        guard piece.score.isFinite else { throw .bad(file, "has a token whose score is no number") }
        return piece
    }

    private mutating func readNormalizer(_ bytes: ArraySlice<UInt8>) throws(ModelFileError) {
        var message = ProtocolBuffer(bytes, file: Self.file)
        var removesSpaces = true
        while let field = try message.next() {
            switch (field.number, field.value) {
            case (2, .bytes(let map)) where !map.isEmpty:
                throw .bad(Self.file, "normalises text by a table of its own, expected none")
            case (3, .number(let flag)): addsSpace = flag != 0
            case (4, .number(let flag)): removesSpaces = flag != 0
            case (5, .number(0)): throw .bad(Self.file, "does not spell spaces as U+2581, expected that")
            default: break
            }
        }
        if removesSpaces { throw .bad(Self.file, "removes extra white space, expected that it does not") }
    }
}
