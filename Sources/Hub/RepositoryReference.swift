import SpeculateShared

/// The name of a repository of models, `OWNER/NAME`, and which of them is meant: `OWNER/NAME:QUANT`.
package struct RepositoryReference: Equatable, Sendable, CustomStringConvertible {
    private static let longest = 96
    private static let expectation =
        "expected OWNER/NAME or OWNER/NAME:QUANT, of letters, digits, '-', '_' and '.', such as "
        + "HuggingFaceTB/SmolLM2-135M-Instruct-GGUF:Q4_K_M"

    package let owner: String
    package let name: String
    /// A quantization, or a file's name with or without its ending and folders; nil for the usual one.
    package let quant: String?

    /// - Throws: `ModelFileError` saying what a name looks like.
    package init(_ text: String) throws(ModelFileError) {
        guard let parsed = Self(parsing: text) else {
            throw ModelFileError(
                .usage, "\(excerpt(text, longest: 100)) is not the name of a repository, \(Self.expectation)")
        }
        self = parsed
    }

    private init?(parsing text: String) {
        let halves = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let names = halves[0].split(separator: "/", omittingEmptySubsequences: false)
        guard names.count == 2, names.allSatisfy({ Self.isName($0, longest: Self.longest) }) else { return nil }
        if halves.count == 2 {
            let path = halves[1].split(separator: "/", omittingEmptySubsequences: false)
            guard path.allSatisfy({ Self.isName($0, longest: 200) }) else { return nil }
        }
        owner = String(names[0])
        name = String(names[1])
        quant = halves.count == 2 ? String(halves[1]) : nil
    }

    /// Whether what was given as a model's file, and is none, may be a repository instead.
    package static func isLike(_ text: String) -> Bool {
        guard let parsed = Self(parsing: text) else { return false }
        return parsed.quant != nil || ModelFileName(parsed.name) == nil
    }

    /// Neither begins nor ends as a path or an option could, and never leads up.
    private static func isName(_ text: Substring, longest: Int) -> Bool {
        guard let first = text.utf8.first, let last = text.utf8.last, text.utf8.count <= longest else { return false }
        return text.utf8.allSatisfy(isAllowed) && !text.contains("..")
            && ![first, last].contains { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    /// `OWNER/NAME`
    package var repository: String { "\(owner)/\(name)" }

    package var description: String { quant.map { "\(repository):\($0)" } ?? repository }
}
