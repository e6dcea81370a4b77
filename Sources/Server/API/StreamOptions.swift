struct StreamOptions: Decodable {
    let includeUsage: Bool
    /// This server's own: the text in pieces that say whether they were drafted.
    let includePieces: Bool
    /// This server's own: what was drafted in each round, and what became of it.
    let includeRounds: Bool

    init(from decoder: any Decoder) throws {
        var fields = try Fields(decoder)
        includeUsage = try fields.bool("include_usage")
        includePieces = try fields.bool("include_pieces")
        includeRounds = try fields.bool("include_rounds")
        try fields.finish(ignoring: ["include_obfuscation"])
    }
}
