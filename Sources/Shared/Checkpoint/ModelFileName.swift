/// What the name of a model's file says, as those who publish models write it: `NAME-QUANT.gguf` or `NAME.QUANT.gguf`,
/// and `NAME-QUANT-00001-of-00003.gguf` for a part of a model that is split.
package struct ModelFileName: Equatable, Sendable {
    static let ending = ".gguf"
    private static let drafterEnding = ".drafter.gguf"

    /// The name without its ending and its part.
    package let stem: String
    /// The quantization that the stem ends in, spelled as there; nil if it does not.
    package let quant: String?
    package let part: Part?
    package let isDrafter: Bool

    /// nil if it is not the name of a GGUF file.
    package init?(_ name: String) {
        let lower = name.lowercased()
        guard lower.hasSuffix(Self.ending), name.utf8.count > Self.ending.utf8.count else { return nil }
        isDrafter = lower.hasSuffix(Self.drafterEnding)
        let whole = name.dropLast(Self.ending.count)
        part = Part(endOf: name)
        stem = String(part == nil ? whole : whole.dropLast(Part.length))
        quant = Self.quant(of: stem).map(String.init)
    }

    /// The name of the drafter's file as it may lie beside a model's, the most telling first: the model's name with
    /// `.drafter.gguf`; without its quantization; up to its first dot.
    package static func drafterNames(beside model: String) -> [String] {
        var stems: [Substring] = []
        if let name = Self(model) {
            stems.append(name.stem[...])
            if let quant = name.quant, quant.count < name.stem.count {
                stems.append(name.stem.dropLast(quant.count + 1))
            }
        }
        let short = model.prefix { $0 != "." }
        if !stems.contains(short) { stems.append(short) }
        return stems.map { $0 + drafterEnding }
    }

    /// The longest end of the stem that is a quantization, after one of `-`, `.` and `_`.
    private static func quant(of stem: String) -> Substring? {
        var rest = stem[...]
        while true {
            if isQuant(rest) { return rest }
            guard let cut = rest.firstIndex(where: { "-._".contains($0) }) else { return nil }
            rest = rest[rest.index(after: cut)...]
        }
    }

    private static func isQuant(_ text: Substring) -> Bool {
        var name = text.lowercased()[...]
        if name.hasPrefix("ud-") { name = name.dropFirst(3) }
        guard name.utf8.allSatisfy({ (97...122).contains($0) || (48...57).contains($0) || $0 == 95 }) else {
            return false
        }
        if ["f16", "f32", "bf16", "fp16", "fp32"].contains(name) || name.hasPrefix("mxfp4") { return true }
        for start in ["iq", "tq", "q"] where name.hasPrefix(start) {
            return name.dropFirst(start.count).first?.isNumber == true
        }
        return false
    }
}
