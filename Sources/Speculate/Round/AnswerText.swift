import SpeculateShared

/// The answer's text as tokens arrive: whole characters, cut before the first stop text to complete, or the longest if
/// several complete with the same byte. Text that may turn out to begin a stop text is held back. Amortised O(1) per
/// byte.
struct AnswerText {
    typealias Piece = CompletionDelta.Piece

    private(set) var stopped: String?
    private var decoder = StreamingDecoder()
    private let stops: StopTexts
    private var matcher: StopMatcher?
    private var held: [Piece] = []
    private var heldBytes = 0
    /// Of tokens that have not completed a character yet.
    private var logprobs: [TokenLogprobs] = []
    private var rounds: [DraftRound] = []

    init(stops: StopTexts) {
        self.stops = stops
        matcher = stops.matcher
    }

    /// Appends one token's bytes; returns what may be shown.
    mutating func append(
        _ bytes: some Sequence<UInt8>, isDrafted: Bool, logprobs new: TokenLogprobs? = nil, round: DraftRound? = nil
    ) -> [Piece] {
        if let new { logprobs.append(new) }
        if let round { rounds.append(round) }
        return release(decoder.append(bytes), isDrafted: isDrafted, isLast: false)
    }

    /// Returns the remaining text once there are no more tokens.
    /// - Parameter isCut: whether the answer was ended early; an incomplete character is then dropped.
    mutating func finish(isCut: Bool = false) -> [Piece] {
        release(isCut ? "" : decoder.finish(), isDrafted: false, isLast: true)
    }

    private mutating func release(_ text: String, isDrafted: Bool, isLast: Bool) -> [Piece] {
        guard stopped == nil else { return [] }
        let before = heldBytes
        if !text.isEmpty {
            held.append(Piece(text: text, isDrafted: isDrafted, logprobs: logprobs, rounds: rounds))
            heldBytes += text.utf8.count
            (logprobs, rounds) = ([], [])
        }
        for (offset, byte) in text.utf8.enumerated() where matcher != nil {
            guard let match = matcher?.advance(byte) else { continue }
            let stop = stops.texts[match]
            stopped = stop
            return take(before + offset + 1 - stop.utf8.count)
        }
        return take(heldBytes - (isLast ? 0 : matcher?.pending ?? 0))
    }

    /// Takes the first `count` of the held bytes.
    private mutating func take(_ count: Int) -> [Piece] {
        var pieces: [Piece] = []
        var whole = 0
        var left = count
        while left > 0 {
            var piece = held[whole]
            let length = piece.text.utf8.count
            if length <= left {
                whole += 1
            } else {
                held[whole].text = String(decoding: piece.text.utf8.dropFirst(left), as: UTF8.self)
                (held[whole].logprobs, held[whole].rounds) = ([], [])
                piece.text = String(decoding: piece.text.utf8.prefix(left), as: UTF8.self)
            }
            left -= min(length, left)
            pieces.append(piece)
        }
        held.removeFirst(whole)
        heldBytes -= count
        return pieces
    }
}
