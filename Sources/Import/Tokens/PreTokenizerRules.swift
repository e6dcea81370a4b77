import SpeculateShared

/// Recognises how a byte-level tokenizer cuts a text, by the steps that tokenizer.json lists.
struct PreTokenizerRules {
    private static let contraction = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
    private static let before = #"[^\r\n\p{L}\p{N}]?"#
    private static let spaces = #"\s*[\r\n]+|\s+(?!\S)|\s+"#
    private static let upper = #"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"#
    private static let lower = #"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"#
    private static let bytes = "bytes"
    private static let others = #" ?[^\s\p{L}\p{N}]+[\r\n]*"#

    private struct Rule {
        let steps: [String]
        /// `tokenizer.ggml.pre`, where a piece that equals a token does not become it regardless of merges, and where
        /// it does.
        var plain: String?
        var whole: String?
    }

    private static let rules = [
        Rule(steps: ["bytes, cut as by GPT-2"], plain: "gpt-2"),
        Rule(steps: ["single digits", "bytes, cut as by GPT-2"], plain: "smollm"),
        Rule(
            steps: ["\(contraction)|\(before)\\p{L}+|\\p{N}{1,3}|\(others)|\(spaces)", bytes], plain: "smaug-bpe",
            whole: "llama-bpe"),
        Rule(steps: ["\(contraction)|\(before)\\p{L}+|\\p{N}|\(others)|\(spaces)", bytes], plain: "qwen2"),
        Rule(
            steps: [
                #"\#(contraction)|\#(before)[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\#(spaces)"#, bytes,
            ], plain: "qwen35"),
        Rule(
            steps: [
                #"\#(before)\#(upper)*\#(lower)+|\#(before)\#(upper)+\#(lower)*|\p{N}"#
                    + #"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\#(spaces)"#, bytes,
            ], whole: "tekken"),
        Rule(
            steps: [
                #"\#(before)\#(upper)*\#(lower)+\#(contraction)?|\#(before)\#(upper)+\#(lower)*\#(contraction)?"#
                    + #"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\#(spaces)"#, bytes,
            ], plain: "gpt-4o"),
        Rule(
            steps: [
                #"\p{N}{1,3}"#, "[一-龥\u{3040}-ゟ゠-\u{30ff}]+",
                ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"##
                    + #"| ?[\p{P}\p{S}]+[\r\n]*|\#(spaces)"#, bytes,
            ], plain: "deepseek-v3"),
    ]

    /// The name for `tokenizer.ggml.pre`.
    /// - Throws: `ModelFileError` quoting what was found if it is not known.
    static func name(_ files: TokenizerFiles) throws(ModelFileError) -> String {
        guard let json = files.json, let model = files.model else {
            throw ModelFileError(.missing, "\(TokenizerFiles.name) is missing")
        }
        guard let root = try json.optionalFields("pre_tokenizer") else {
            throw json.wrong("pre_tokenizer", nil, expected: "the steps by which a text is cut")
        }
        var steps: [String] = []
        if root["type"] == .string("Sequence") {
            for value in try root.array("pretokenizers") {
                guard let object = value.object else {
                    throw root.wrong("pretokenizers", value, expected: "a list of objects")
                }
                steps.append(try step(Fields(object, root.place)))
            }
        } else {
            steps = [try step(root)]
        }
        let whole = try model.optionalBool("ignore_merges") ?? false
        let rule = rules.first { $0.steps.elementsEqual(steps) { $0.utf8.elementsEqual($1.utf8) } }
        if let rule, let name = whole ? rule.whole : rule.plain { return name }
        let found = steps.map { excerpt($0, longest: 400) }.joined(separator: ", then ")
        let known = rules.flatMap { [$0.plain, $0.whole].compactMap(\.self) }.joined(separator: ", ")
        throw .bad(
            root.place,
            "cuts a text by \(found)" + (whole ? ", with 'ignore_merges'" : "")
                + ", which is not known; expected that of \(known)")
    }

    private static func step(_ fields: Fields) throws(ModelFileError) -> String {
        let type = try fields.optionalString("type") ?? ""
        switch type {
        case "Split":
            // Keeping what matches, or keeping what is cut at what does not: the expressions leave nothing out.
            let isIsolated = fields["behavior"] == .string("Isolated") && fields["invert"] != .bool(true)
            let isInverted = fields["behavior"] == .string("Removed") && fields["invert"] == .bool(true)
            if isIsolated || isInverted, let text = try fields.fields("pattern").optionalString("Regex") { return text }
        case "Digits" where fields["individual_digits"] == .bool(true): return "single digits"
        case "ByteLevel" where fields["add_prefix_space"] != .bool(true):
            return fields["use_regex"] == .bool(false) ? bytes : "bytes, cut as by GPT-2"
        default: break
        }
        let settings = fields.object.members.map { "\($0.key): \($0.value.summary)" }
        return "step with \(settings.joined(separator: ", "))"
    }
}
