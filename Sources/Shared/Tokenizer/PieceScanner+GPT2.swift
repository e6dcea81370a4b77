extension PieceScanner {
    /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+` (Radford et al. 2019, `encoder.py`)
    func endOfGPT2Piece(from start: Int) -> Int {
        if text[start] == UInt8(ascii: "'"), let contraction = endOfContraction(from: start, ignoringCase: false) {
            return contraction
        }
        let body = text[start] == UInt8(ascii: " ") && start + 1 < end ? start + 1 : start
        let kind = character(at: body).kind
        if kind.isIn(.letter) { return endOfRun(of: .letter, from: body) }
        if kind == .space { return endOfSpaces(from: start) }
        return endOfRun(of: kind == .number ? .number : .noWord, from: body)
    }
}
