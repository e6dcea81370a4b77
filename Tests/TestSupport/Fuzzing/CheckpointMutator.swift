import Synchronization

/// Turns a recipe, a short byte string, into the verifier and drafter files of a hostile or careless author. The same
/// recipe gives the same files.
///
/// A recipe is a `FuzzSettings` followed by any number of `Edit`s, of which the first `maximumEdits` count. Randomly
/// damaged files would mostly be refused at the first wrong length; an edit instead lays the file out again around its
/// change, so that many of the results load.
/// change, so that much of what they make loads.
package struct CheckpointMutator: CustomStringConvertible {
    static let maximumEdits = 12

    let settings: FuzzSettings
    let edits: [Edit]

    package init(_ recipe: [UInt8]) {
        settings = FuzzSettings(recipe.prefix(FuzzSettings.byteCount))
        let rest = recipe.dropFirst(FuzzSettings.byteCount)
        edits = (0..<min(rest.count / Edit.byteCount, Self.maximumEdits)).map {
            Edit(rest.dropFirst($0 * Edit.byteCount).prefix(Edit.byteCount))
        }
    }

    package var description: String { ([settings.description] + edits.map(\.description)).joined(separator: "\n") }

    /// The bytes of both files; nil for the drafter if there is none.
    func files() throws -> (verifier: [UInt8], drafter: [UInt8]?) {
        var verifier = try Self.fixture(settings.verifier)
        guard settings.hasDrafter else {
            for edit in edits { verifier.apply(edit) }
            return (verifier.bytes(), nil)
        }
        var drafter = try Self.fixture("tiny-drafter.gguf")
        if !settings.keepsFingerprint { drafter.file["speculate.verifier.fingerprint"] = nil }
        for edit in edits {
            if edit.operation == .reshapeBoth || edit.isOfDrafter { drafter.apply(edit) }
            if edit.operation == .reshapeBoth || !edit.isOfDrafter { verifier.apply(edit) }
        }
        return (verifier.bytes(), drafter.bytes())
    }

    private static let fixtures = Mutex<[String: FuzzedModel]>([:])

    private static func fixture(_ name: String) throws -> FuzzedModel {
        try fixtures.withLock { fixtures in
            if let model = fixtures[name] { return model }
            let model = try FuzzedModel(fixture: name)
            fixtures[name] = model
            return model
        }
    }
}
