/// What makes tokens of the text between special tokens.
enum TextEncoder: Sendable {
    case byteLevel(ByteLevelBPE)
    case sentencePiece(SentencePieceBPE)
}
