/// The body of a detokenize request.
struct DetokenizeBody: Decodable {
    let model: String?
    let tokens: [Int32]

    init(from decoder: any Decoder) throws {
        var fields = try Fields(decoder)
        model = try fields.value("model", as: String.self, "the model's name")
        tokens = try fields.required("tokens", as: [Int32].self, "an array of token ids")
        try fields.finish()
    }
}
