import SpeculateShared

/// The models among the files of a repository, or of its folder here.
struct ModelCatalogue {
    /// What is taken where no quantization is named, the first that there is.
    static let usualQuants = ["Q4_K_M", "Q4_0", "Q8_0"]

    /// By size.
    let models: [ModelFiles]
    let drafters: [RepositoryFile]
    private let fileCount: Int

    init(_ files: [RepositoryFile]) {
        fileCount = files.count
        var groups: [String: [(part: Int, count: Int, name: ModelFileName, file: RepositoryFile)]] = [:]
        var drafters: [RepositoryFile] = []
        for file in files {
            guard let name = ModelFileName(file.name), !Self.isOther(file.name) else { continue }
            if name.isDrafter {
                drafters.append(file)
            } else {
                let key = "\(file.folder)\(name.stem)/\(name.part?.count ?? 1)"
                groups[key, default: []].append((name.part?.number ?? 1, name.part?.count ?? 1, name, file))
            }
        }
        self.drafters = drafters
        models = groups.values.map { parts in
            let sorted = parts.sorted { $0.part < $1.part }
            return ModelFiles(
                stem: sorted[0].name.stem, quant: sorted[0].name.quant, files: sorted.map(\.file),
                partCount: sorted[0].count)
        }.sorted { ($0.byteCount, $0.files[0].path) < ($1.byteCount, $1.files[0].path) }
    }

    /// Projectors of images and statistics for quantizing come as GGUF files too.
    private static func isOther(_ name: String) -> Bool {
        let name = name.lowercased()
        return name.contains("mmproj") || name.contains("imatrix")
    }

    private init(_ models: [ModelFiles], _ drafters: [RepositoryFile], fileCount: Int) {
        self.models = models
        self.drafters = drafters
        self.fileCount = fileCount
    }

    /// Those of which no part is missing.
    var complete: ModelCatalogue { ModelCatalogue(models.filter(\.isComplete), drafters, fileCount: fileCount) }

    /// The models that a user calls so.
    func models(called wanted: String) -> [ModelFiles] {
        if let path = models.first(where: { $0.files[0].path == wanted }) { return [path] }
        // Names that differ by their case alone.
        let exact = models.filter { $0.names.contains(wanted) }
        if exact.count == 1 { return exact }
        let called = models.filter { $0.isCalled(wanted) }
        return called.isEmpty ? models.filter { $0.isVariant(of: wanted) } : called
    }

    /// The model of the quantization that the reference names, or of a usual one, or the only one.
    /// - Throws: `ModelFileError` listing what there is.
    func choose(_ reference: RepositoryReference) throws(ModelFileError) -> ModelFiles {
        let repository = reference.repository
        guard !models.isEmpty else {
            throw ModelFileError(
                .missing,
                "\(repository) has no GGUF model among its \(fileCount) files; there may be a repository of the same name with '-GGUF'"
            )
        }
        guard let wanted = reference.quant else { return try whole(usual(repository), repository) }
        let found = models(called: wanted)
        guard let first = found.first else {
            throw ModelFileError(.missing, "\(repository) has no \(wanted); it has \(list(models))")
        }
        guard found.count == 1 else {
            let names = found.map(name(of:)).joined(separator: ", ")
            throw ModelFileError(
                .missing,
                "\(repository) has \(found.count) models called \(wanted): \(names); name one of them after the colon")
        }
        return try whole(first, repository)
    }

    private func usual(_ repository: String) throws(ModelFileError) -> ModelFiles {
        for quant in Self.usualQuants {
            let found = models(called: quant)
            if found.count == 1 { return found[0] }
        }
        guard models.count == 1 else {
            throw ModelFileError(
                .missing,
                "\(repository) has several models: \(list(models)); name one, as in \(repository):\(name(of: models[0]))"
            )
        }
        return models[0]
    }

    private func whole(_ model: ModelFiles, _ repository: String) throws(ModelFileError) -> ModelFiles {
        guard model.isComplete else {
            throw ModelFileError(
                .missing, "\(repository) has \(model.files.count) of the \(model.partCount) parts of \(model.stem)")
        }
        return model
    }

    /// The drafter that is named like a model, the nearest name first.
    func drafter(for model: ModelFiles) -> RepositoryFile? {
        for name in ModelFileName.drafterNames(beside: model.files[0].name) {
            let found = drafters.filter { $0.name == name }
            if let drafter = found.first(where: { $0.folder == model.files[0].folder }) ?? found.first {
                return drafter
            }
        }
        return nil
    }

    /// The shortest name that means this model alone.
    func name(of model: ModelFiles) -> String {
        model.names.first { models(called: $0).map(\.files[0].path) == [model.files[0].path] }
            ?? model.files[0].path
    }

    private func list(_ models: [ModelFiles]) -> String {
        let most = 20
        let names = models.prefix(most).map { "\(name(of: $0)) (\($0.byteCount.bytesForPeople))" }
        return names.joined(separator: ", ") + (models.count > most ? " and \(models.count - most) more" : "")
    }
}
