import Foundation
import SpeculateShared

extension ModelStore {
    package struct Removal: Sendable {
        /// Names of the models that are gone.
        package let models: [String]
        package let fileCount: Int
        package let byteCount: Int
    }

    /// Deletes a model, or all models of a repository, with drafters that no other model has and what is left of
    /// downloads.
    /// - Parameter name: as `models` lists it, or `OWNER/NAME` for all of a repository.
    /// - Throws: `ModelFileError` if there is no such model, another process is fetching it, or it cannot be deleted.
    package func remove(_ name: String) throws -> Removal {
        let all = models()
        // Names may differ by their case alone.
        let exact = all.filter { $0.name == name }
        let found = exact.isEmpty ? all.filter { Self.isCalled($0, name) } : exact
        guard !found.isEmpty else {
            let names = all.isEmpty ? "there is none" : "there is " + all.map(\.name).joined(separator: ", ")
            throw ModelFileError(.missing, "no model here is called \(excerpt(name, longest: 200)); \(names)")
        }
        let kept = Set(all.filter { one in !found.contains { $0.name == one.name } }.compactMap(\.drafter))
        let files = found.flatMap(\.files) + Set(found.compactMap(\.drafter)).subtracting(kept).sorted()
        let locks = try files.map { file in
            guard let lock = try FileLock.attempt(for: file) else {
                throw ModelFileError(.runtime, "\(file) is being fetched by another process, expected it to be done")
            }
            return lock
        }
        defer { withExtendedLifetime(locks) {} }
        var removal = (count: 0, bytes: 0)
        for file in files {
            for path in [file, PartFile.path(of: file), FileRecord.path(of: file), PartRecord.path(of: file)] {
                guard let size = StoredFolder.size(of: path) else { continue }
                guard unlink(path) == 0 else { throw FileError(path: path, errno: errno) }
                removal = (removal.count + 1, removal.bytes + size)
            }
        }
        return Removal(models: found.map(\.name), fileCount: removal.count, byteCount: removal.bytes)
    }

    /// Deletes the folders in which nothing is left. Best effort.
    package func removeEmptyFolders() {
        let folders = FileManager.default.enumerator(atPath: modelsFolder)?.compactMap { $0 as? String } ?? []
        for folder in folders.sorted(by: { $0.count > $1.count }) { rmdir("\(modelsFolder)/\(folder)") }
    }

    private static func isCalled(_ model: StoredModel, _ name: String) -> Bool {
        let (called, name) = (model.name.lowercased(), name.lowercased())
        return called == name || called.hasPrefix(name + ":")
            || !called.contains("/")
                && URL(fileURLWithPath: model.path).deletingPathExtension().lastPathComponent.lowercased() == name
    }
}
