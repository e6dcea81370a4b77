import Foundation
import TestSupport
import Testing

@Suite struct FuzzCorpusTests {
    private static let folder = Fixtures.path("../Fuzz/Corpus")
    private static let recipes = (try? FileManager.default.contentsOfDirectory(atPath: folder).sorted()) ?? []

    private func run(_ recipe: [UInt8]) async throws -> FuzzCase.Outcome {
        let folder = FileManager.default.temporaryDirectory.appending(path: "speculate-fuzz-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        return try await FuzzCase.run(recipe, folder: folder.path)
    }

    @Test("the files that recipes begin with load and complete")
    func unchanged() async throws {
        for first in [0, 1, 2, 12, 13, 14, 15, 16] as [UInt8] {
            let outcome = try await run([first, 0, 28])
            guard case .ran(let failures) = outcome else {
                Issue.record("\(first): \(outcome)")
                continue
            }
            #expect(failures.dropLast().allSatisfy { $0 == nil })
        }
    }

    @Test(
        "Files that fuzzing once found are refused or completed, never fatal", .serialized, arguments: Self.recipes)
    func corpus(recipe: String) async throws {
        _ = try await run([UInt8](Data(contentsOf: URL(filePath: Self.folder + "/" + recipe))))
    }
}
