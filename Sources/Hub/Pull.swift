import Foundation
import SpeculateShared

/// Fetches a model, and its drafter if there is one beside it.
package struct Pull: Sendable {
    /// What is taken where no quantization is named, the first that there is.
    package static let usualQuants = ModelCatalogue.usualQuants

    private let settings: HubSettings
    private let report: @Sendable (FetchEvent) -> Void

    package init(_ settings: HubSettings, report: @escaping @Sendable (FetchEvent) -> Void) {
        self.settings = settings
        self.report = report
    }

    /// - Returns: the model as it is here then.
    /// - Throws: `ModelFileError`; `CancellationError` if the task is cancelled. What came is kept, to go on from.
    package func run(_ reference: RepositoryReference) async throws -> StoredModel {
        guard !settings.isOffline else {
            throw ModelFileError(
                .runtime, "\(reference) is to be fetched from \(settings.endpoint), but HF_HUB_OFFLINE is set")
        }
        do {
            return try await HubClient.with(settings, report: report) { client in
                try await fetch(reference, with: client)
            }
        } catch let error as FileError {
            throw ModelFileError(.runtime, error.description)
        }
    }

    private func fetch(_ reference: RepositoryReference, with client: HubClient) async throws -> StoredModel {
        let catalogue = ModelCatalogue(try await client.files(of: reference))
        let model = try catalogue.choose(reference)
        let folder = settings.store.folder(of: reference)
        var wanted = model.files.map { (file: $0, target: "\(folder)/\($0.path)") }
        if let drafter = catalogue.drafter(for: model) {
            wanted.append((drafter, "\(folder)/\(model.files[0].folder)\(drafter.name)"))
        }
        try makeFolders(wanted.map(\.target))
        try DiskSpace.check(for: wanted, in: folder)
        var revision = "main"
        for (file, target) in wanted {
            let remote = try await client.describe(file, revision: revision, in: reference)
            // All files from one commit, whatever is pushed meanwhile.
            revision = remote.revision
            try await Download(client: client, remote: remote, target: target).run()
        }
        let stored = StoredFolder(path: folder, of: reference)
        return stored.stored(model, among: stored.catalogue)
    }

    private func makeFolders(_ targets: [String]) throws {
        for folder in Set(targets.map { URL(fileURLWithPath: $0).deletingLastPathComponent().path }) {
            do {
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            } catch {
                throw ModelFileError(.runtime, "the folder \(folder) cannot be made: \(error.localizedDescription)")
            }
        }
    }
}
