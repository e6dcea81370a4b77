struct StreamOptions: Decodable {
    let includeUsage: Bool
    /// An extension of this server's: the text in pieces that say whether they were drafted.
    let includePieces: Bool
    /// An extension of this server's: each round's draft and what was accepted.
    let includeRounds: Bool

    init(from decoder: any Decoder) throws {
        var fields = try Fields(decoder)
        includeUsage = try fields.bool("include_usage")
        includePieces = try fields.bool("include_pieces")
        includeRounds = try fields.bool("include_rounds")
        try fields.finish(ignoring: ["include_obfuscation"])
    }
}
