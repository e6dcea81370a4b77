import SpeculateShared

/// The answer's text as tokens come in: whole characters, cut before the first stop text. What may yet turn out to
/// begin a stop text is held back.
struct AnswerText {
    typealias Piece = CompletionDelta.Piece

    private(set) var stopped: String?
    private var decoder = StreamingDecoder()
    private let stops: [(text: String, bytes: [UInt8])]
    private var held: [Piece] = []
    /// Of tokens that are not whole characters yet.
    private var logprobs: [TokenLogprobs] = []
    private var heldBytes: [UInt8] = []

    /// - Parameter stops: none of them empty.
    init(stops: [String]) { self.stops = stops.map { ($0, Array($0.utf8)) } }

    /// One token's bytes; returns what may be shown.
    mutating func append(
        _ bytes: some Sequence<UInt8>, isDrafted: Bool, logprobs new: TokenLogprobs? = nil
    ) -> [Piece] {
        if let new { logprobs.append(new) }
        return release(decoder.append(bytes), isDrafted: isDrafted, isLast: false)
    }

    /// What is left when no more tokens come.
    mutating func finish() -> [Piece] { release(decoder.finish(), isDrafted: false, isLast: true) }

    private mutating func release(_ text: String, isDrafted: Bool, isLast: Bool) -> [Piece] {
        guard stopped == nil else { return [] }
        if !text.isEmpty {
            held.append(Piece(text: text, isDrafted: isDrafted, logprobs: logprobs))
            heldBytes += text.utf8
            logprobs = []
        }
        guard !stops.isEmpty else { return take(heldBytes.count) }
        if let (start, stop) = firstStop() {
            stopped = stop
            return take(start)
        }
        return take(isLast ? heldBytes.count : heldBytes.count - possibleStart())
    }

    /// The earliest stop text in what is held; the longest of several that begin there.
    private func firstStop() -> (start: Int, text: String)? {
        for start in heldBytes.indices {
            let matches = stops.filter { heldBytes[start...].starts(with: $0.bytes) }
            if let longest = matches.max(by: { $0.bytes.count < $1.bytes.count }) { return (start, longest.text) }
        }
        return nil
    }

    /// Bytes at the end of what is held that begin some stop text.
    private func possibleStart() -> Int {
        let longest = stops.map { $0.bytes.count - 1 }.max() ?? 0
        for count in stride(from: min(longest, heldBytes.count), to: 0, by: -1)
        where stops.contains(where: { $0.bytes.starts(with: heldBytes.suffix(count)) }) {
            return count
        }
        return 0
    }

    private mutating func take(_ count: Int) -> [Piece] {
        var pieces: [Piece] = []
        var left = count
        heldBytes.removeFirst(count)
        while left > 0, var piece = held.first {
            let length = piece.text.utf8.count
            if length <= left {
                held.removeFirst()
            } else {
                held[0].text = String(decoding: piece.text.utf8.dropFirst(left), as: UTF8.self)
                held[0].logprobs = []
                piece.text = String(decoding: piece.text.utf8.prefix(left), as: UTF8.self)
            }
            left -= piece.text.utf8.count
            pieces.append(piece)
        }
        return pieces
    }
}
