import Foundation
import SpeculateShared

/// The models on this machine: `models/OWNER/NAME/FILE.gguf` in the user's cache folder.
package struct ModelStore: Sendable {
    /// The folder that also has the default model.
    package let root: String

    package init(_ environment: HubEnvironment = HubEnvironment()) { root = environment.caches + "/speculate" }

    var modelsFolder: String { root + "/models" }

    func folder(of repository: RepositoryReference) -> String { "\(modelsFolder)/\(repository.repository)" }

    /// The model that a reference names and that is here as a whole; nil if none is.
    /// - Throws: `ModelFileError` if there are several.
    package func find(_ reference: RepositoryReference) throws(ModelFileError) -> StoredModel? {
        let folder = StoredFolder(path: folder(of: reference), of: reference)
        let catalogue = folder.catalogue
        let isHere = reference.quant.map { !catalogue.models(called: $0).isEmpty } ?? !catalogue.models.isEmpty
        return isHere ? folder.stored(try catalogue.choose(reference), among: catalogue) : nil
    }

    /// All models here, by name.
    package func models() -> [StoredModel] {
        let names = Self.folders(in: modelsFolder).flatMap { owner in
            Self.folders(in: "\(modelsFolder)/\(owner)").map { "\(owner)/\($0)" }
        }
        let fetched = names.compactMap { try? RepositoryReference($0) }.flatMap { reference in
            StoredFolder(path: folder(of: reference), of: reference).models
        }
        return (StoredFolder(path: root, of: nil).models + fetched).sorted { $0.name < $1.name }
    }

    private static func folders(in path: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).filter { name in
            var isFolder = ObjCBool(false)
            return FileManager.default.fileExists(atPath: "\(path)/\(name)", isDirectory: &isFolder)
                && isFolder.boolValue
        }
    }
}
