import Foundation
import SpeculateShared

/// The GGUF files in a folder of models.
struct StoredFolder {
    let path: String
    private let reference: RepositoryReference?
    private let whole: [RepositoryFile]
    /// Those of which only a beginning is here.
    private let begun: [RepositoryFile]

    /// - Parameter reference: whose files they are; nil for the folder that all have in common, without those below it.
    init(path: String, of reference: RepositoryReference?) {
        self.path = path
        self.reference = reference
        var whole: [RepositoryFile] = []
        var begun: [RepositoryFile] = []
        for relative in Self.paths(in: path, isDeep: reference != nil) {
            let isPart = relative.hasSuffix(PartFile.ending)
            let name = isPart ? String(relative.dropLast(PartFile.ending.count)) : relative
            guard ModelFileName(name) != nil, let size = Self.size(of: "\(path)/\(relative)"),
                let file = RepositoryFile(path: name, byteCount: size)
            else { continue }
            if isPart { begun.append(file) } else { whole.append(file) }
        }
        self.whole = whole
        self.begun = begun.filter { file in !whole.contains { $0.path == file.path } }
    }

    private static func paths(in path: String, isDeep: Bool) -> [String] {
        let files = FileManager.default
        guard isDeep else { return (try? files.contentsOfDirectory(atPath: path)) ?? [] }
        return files.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
    }

    /// nil if it is not a file.
    static func size(of path: String) -> Int? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(status.st_size)
    }

    /// Of what can be used.
    var catalogue: ModelCatalogue { ModelCatalogue(whole).complete }

    /// Everything, with what is not here as a whole.
    var models: [StoredModel] {
        let all = ModelCatalogue(whole + begun)
        return all.models.map { stored($0, among: all) }
    }

    /// - Parameter catalogue: where its drafter is looked for.
    func stored(_ model: ModelFiles, among catalogue: ModelCatalogue) -> StoredModel {
        let files = model.files.map { "\(path)/\($0.path)" }
        let drafter = catalogue.drafter(for: model).flatMap { drafter in
            whole.contains(drafter) && drafter.folder == model.files[0].folder ? drafter : nil
        }
        let times = files.compactMap {
            try? FileManager.default.attributesOfItem(atPath: $0)[.modificationDate] as? Date
        }
        return StoredModel(
            name: reference.map { "\($0.repository):\(catalogue.name(of: model))" } ?? model.files[0].name,
            quant: model.quant, files: files, drafter: drafter.map { "\(path)/\($0.path)" },
            byteCount: model.byteCount + (drafter?.byteCount ?? 0), date: times.max(),
            isComplete: model.isComplete && !model.files.contains { begun.contains($0) },
            record: FileRecord.read(of: files[0]))
    }
}
