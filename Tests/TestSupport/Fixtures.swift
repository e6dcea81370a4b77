import Foundation
import SpeculateShared
import SpeculateVerifier

/// Paths of the committed fixtures and the real model.
package enum Fixtures {
    package struct MissingModel: Error, CustomStringConvertible {
        package let description: String
    }

    package struct Prompt: Decodable, Sendable {
        package let id: String
        package let category: String
        package let prompt: String
        package let raw: Bool?
    }

    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures")

    /// The committed drafter for the real verifier.
    package static let drafterPath = folder.deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Models/SmolLM2-135M-Instruct.drafter.gguf").path

    package static func path(_ name: String) -> String { folder.appending(path: name).path }

    package static func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: folder.appending(path: name)))
    }

    package static func lines<T: Decodable>(_ name: String, as _: T.Type = T.self) throws -> [T] {
        let decoder = JSONDecoder()
        return try Data(contentsOf: folder.appending(path: name)).split(separator: UInt8(ascii: "\n")).map {
            try decoder.decode(T.self, from: $0)
        }
    }

    package static func floats(_ name: String) throws -> [Float] {
        let bytes = try bytes(name)
        return bytes.withUnsafeBytes { raw in
            (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
        }
    }

    /// The real verifier's file. If it is missing, tests fail rather than being skipped.
    package static func modelPath() throws -> String {
        let environment = ProcessInfo.processInfo.environment
        let cache = environment["XDG_CACHE_HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? NSHomeDirectory() + "/.cache"
        let path = environment["SPECULATE_MODEL"] ?? cache + "/speculate/SmolLM2-135M-Instruct.Q4_1.gguf"
        guard FileManager.default.fileExists(atPath: path) else {
            throw MissingModel(description: "\(path) is missing: 'make model' fetches it")
        }
        return path
    }

    package static func verifier(threads: Int = 2, taps: [Int] = []) throws -> Verifier {
        try Verifier(Checkpoint(path: modelPath()), taps: taps, kernels: Kernels(), pool: WorkerPool(count: threads))
    }

    /// The tiny verifier that a tiny drafter of a published kind was made for: its file's name without the ending.
    package static func target(of drafter: String) throws -> String {
        struct Golden: Decodable { var verifier: String }
        return try JSONDecoder().decode(Golden.self, from: Data(bytes("\(drafter).json"))).verifier
    }

    /// Writes a fixture's checkpoint with changed metadata.
    package static func write(_ name: String, to path: String, _ change: (inout Metadata) -> Void) throws {
        try write(name, to: path, change) { _, _ in }
    }

    /// Writes a fixture's checkpoint with a tensor's bytes changed.
    package static func write(
        _ name: String, to path: String, tensor: String, _ change: (inout [UInt8]) -> Void
    ) throws {
        try write(name, to: path, { _ in }) { if $0 == tensor { change(&$1) } }
    }

    private static func write(
        _ name: String, to path: String, _ change: (inout Metadata) -> Void,
        _ changeTensor: (String, inout [UInt8]) -> Void
    ) throws {
        let original = try Checkpoint(path: self.path(name))
        var writer = CheckpointWriter()
        writer.metadata = original.metadata
        change(&writer.metadata)
        for tensor in original.tensors {
            var bytes = try original.bytes(of: tensor)
            changeTensor(tensor.name, &bytes)
            try writer.add(tensor.name, type: tensor.type, shape: tensor.shape, bytes: bytes)
        }
        try writer.write(to: path)
    }

    /// Calls `body` with a temporary folder that is removed afterwards.
    package static func withTemporaryFolder<R>(_ body: (String) throws -> R) throws -> R {
        let url = FileManager.default.temporaryDirectory.appending(path: "speculate-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: url) }
        return try body(url.path)
    }

    package static func withTemporaryFolder<R>(
        isolation: isolated (any Actor)? = #isolation, _ body: (String) async throws -> R
    ) async throws -> R {
        let url = FileManager.default.temporaryDirectory.appending(path: "speculate-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: url) }
        return try await body(url.path)
    }
}
