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

    /// What follows the repository's colon to name it.
    var label: String { quant ?? stem }

    /// Whether it is what a user calls so: its quantization, or its name, with or without the ending.
    func isCalled(_ wanted: String) -> Bool {
        let wanted = wanted.lowercased()
        let names = [quant, stem, files.first?.name, files.first.map { String($0.name.dropLast(5)) }]
        return names.contains { $0?.lowercased() == wanted }
    }

    /// Whether it is a variant of that quantization that its makers mark with `UD-`.
    func isVariant(of wanted: String) -> Bool { quant?.lowercased() == "ud-" + wanted.lowercased() }
}
