import SpeculateShared

/// A model among files: one file, or all the parts of one.
package struct ModelFiles: Equatable, Sendable {
    /// The name without ending, part and folder.
    package let stem: String
    package let quant: String?
    /// In order.
    package let files: [RepositoryFile]
    /// How many files there must be.
    let partCount: Int

    var byteCount: Int { files.reduce(0) { $0 + $1.byteCount } }
    var isComplete: Bool { files.count == partCount }

    /// What may follow the repository's colon to name it, the shortest first: its quantization, or its name with or without
    /// part, ending and folder.
    var names: [String] {
        let file = files[0]
        return (quant.map { [$0] } ?? []) + [stem, String(file.name.dropLast(5)), file.name]
            + [String(file.path.dropLast(5)), file.path]
    }

    /// Whether it is what a user calls so, in whatever case.
    func isCalled(_ wanted: String) -> Bool {
        let wanted = wanted.lowercased()
        return names.contains { $0.lowercased() == wanted }
    }

    /// Whether it is a variant of that quantization that its makers mark with `UD-`.
    func isVariant(of wanted: String) -> Bool { quant?.lowercased() == "ud-" + wanted.lowercased() }
}
