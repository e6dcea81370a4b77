import Foundation
import Testing
import TestSupport

@testable import SpeculateShared

/// Models in several files: `tiny-qwen3.gguf`, and the same in three parts as the `gguf` library splits it.
@Suite struct SplitCheckpointTests {
    private static let names = (1...3).map { "tiny-qwen3-0000\($0)-of-00003.gguf" }

    /// Opens the model in a folder of its own, after a change to its files.
    private func open(
        _ first: String = names[0], _ change: (_ folder: String) throws -> Void
    ) throws -> Checkpoint {
        try Fixtures.withTemporaryFolder { folder in
            for name in Self.names {
                try FileManager.default.copyItem(atPath: Fixtures.path(name), toPath: folder + "/" + name)
            }
            try change(folder)
            return try Checkpoint(path: folder + "/" + first)
        }
    }

    /// What is wrong with the model after a change to one part's metadata.
    private func refusal(of part: Int, _ change: @escaping (inout Metadata) -> Void) throws -> String {
        let error = #expect(throws: CheckpointError.self) {
            try open { folder in
                let path = folder + "/" + Self.names[part - 1]
                try rewrite(path, change)
            }
        }
        return error?.description ?? "accepted"
    }

    /// Writes one part again with other metadata; its tensors stay.
    private func rewrite(_ path: String, _ change: (inout Metadata) -> Void) throws {
        let part = try CheckpointPart(path: path)
        var writer = CheckpointWriter()
        writer.metadata = part.metadata
        change(&writer.metadata)
        for tensor in part.contents.tensors {
            var bytes = [UInt8](repeating: 0, count: tensor.byteCount)
            try bytes.withUnsafeMutableBytes { try part.file.read($0, at: part.contents.dataOffset + tensor.offset) }
            try writer.add(tensor.name, type: tensor.type, shape: tensor.shape, bytes: bytes)
        }
        try writer.write(to: path)
    }

    @Test("the parts are the model that the one file is, tensor by tensor")
    func same() throws {
        let whole = try Checkpoint(path: Fixtures.path("tiny-qwen3.gguf"))
        let split = try Checkpoint(path: Fixtures.path(Self.names[0]))
        #expect(split.partCount == 3 && whole.partCount == 1 && split.path == Fixtures.path(Self.names[0]))
        #expect(split.tensors.map(\.name) == whole.tensors.map(\.name) && Set(split.tensors.map(\.part)) == [0, 1, 2])
        for tensor in whole.tensors {
            let same = try #require(split.tensor(tensor.name))
            #expect(same.type == tensor.type && same.shape == tensor.shape)
            #expect(try split.bytes(of: same) == whole.bytes(of: tensor), "\(tensor.name)")
        }
        for key in whole.metadata.keys { #expect(split.metadata[key] == whole.metadata[key], "\(key)") }
        let sizes = try Self.names.map { try Fixtures.bytes($0).count }
        #expect(split.byteCount == sizes.reduce(0, +))
    }

    @Test("a part that is missing or cannot be read is named with its path", arguments: [2, 3])
    func missing(part: Int) throws {
        let name = Self.names[part - 1]
        let missing = #expect(throws: FileError.self) {
            try open { try FileManager.default.removeItem(atPath: "\($0)/\(name)") }
        }
        #expect(missing?.isMissing == true && missing?.path.hasSuffix("/" + name) == true)
        #expect(missing?.description.contains("it is part \(part) of the 3 that begin with /") == true)
        let empty = #expect(throws: FileError.self) {
            try open { try Data().write(to: URL(filePath: "\($0)/\(name)")) }
        }
        #expect(empty?.isMissing == false && empty?.description.contains("/\(name): is empty") == true)
    }

    @Test("a part that ends too soon is named, and so is its tensor; also if it is cut while it is being read")
    func truncated() throws {
        let name = Self.names[1]
        func cut(_ folder: String, by bytes: Int) throws {
            let file = try FileHandle(forUpdating: URL(filePath: "\(folder)/\(name)"))
            try file.truncate(atOffset: file.seekToEnd() - UInt64(bytes))
            try file.close()
        }
        let error = #expect(throws: CheckpointError.self) { try open { try cut($0, by: 64) } }
        #expect(error?.description.contains("/\(name): tensor 'blk.") == true)
        #expect(error?.description.contains("it may be incomplete") == true)
        try Fixtures.withTemporaryFolder { folder in
            for name in Self.names {
                try FileManager.default.copyItem(atPath: Fixtures.path(name), toPath: folder + "/" + name)
            }
            let checkpoint = try Checkpoint(path: folder + "/" + Self.names[0])
            try cut(folder, by: 64)
            let last = try #require(checkpoint.tensors.last { $0.part == 1 })
            let error = #expect(throws: CheckpointError.self) { try checkpoint.bytes(of: last) }
            #expect(
                error?.description.contains("tensor '\(last.name)' cannot be read: \(folder)/\(name): ends") == true)
        }
    }

    @Test("only the first part, under its own name, is opened")
    func first() throws {
        let second = #expect(throws: CheckpointError.self) { try open(Self.names[1]) { _ in } }
        #expect(second?.description.contains("this is part 2 of 3 of a model, expected the first, /") == true)
        #expect(second?.description.hasSuffix("/" + Self.names[0]) == true)
        for name in ["model.gguf", "model-00001-of-00004.gguf", "model-00002-of-00003.gguf", "model-00001-of-00003"] {
            let renamed = #expect(throws: CheckpointError.self) {
                try open(name) {
                    try FileManager.default.moveItem(atPath: "\($0)/\(Self.names[0])", toPath: "\($0)/\(name)")
                }
            }
            #expect(renamed?.description.contains("ends in '-00001-of-00003.gguf'") == true, "\(name)")
        }
    }

    @Test("a part that says that it is another, or of another model, is named with what it says")
    func others() throws {
        let number = try refusal(of: 3) { $0["split.no"] = .uint16(1) }
        #expect(number.contains("part 3 of 3, /") && number.contains("'split.no' is 1, expected 2"))
        let count = try refusal(of: 2) { $0["split.count"] = .uint16(4) }
        #expect(count.contains("'split.count' is 4, expected 3"))
        #expect(try refusal(of: 2) { $0["split.no"] = nil }.contains("'split.no' is missing"))
        let tensors = try refusal(of: 2) { $0["split.tensors.count"] = .int32(30) }
        #expect(tensors.contains("'split.tensors.count' is 30, expected 24, which the first part says"))
        let name = try refusal(of: 2) { $0["general.name"] = .string("other") }
        #expect(name.contains("'general.name' is 'other', expected 'tiny-qwen3', which the first part says"))
        #expect(try refusal(of: 3) { $0["mystery"] = .uint8(1) }.contains("'mystery' is 1, expected"))
        #expect(try refusal(of: 1) { $0["split.no"] = .uint16(3) }.contains("'split.no' is 3, expected less than"))
        #expect(
            try refusal(of: 1) {
                $0["split.count"] = nil; $0["split.no"] = .uint16(1)
            }.contains("'split.no' is 1"))
        #expect(try refusal(of: 1) { $0["split.count"] = .uint32(100_000) }.contains("'split.count' is 100000"))
        #expect(try refusal(of: 1) { $0["split.tensors.count"] = nil }.contains("'split.tensors.count'"))
        let all = #expect(throws: CheckpointError.self) {
            try open { folder in
                for name in Self.names {
                    try rewrite(folder + "/" + name) { $0["split.tensors.count"] = .int32(23) }
                }
            }
        }
        #expect(all?.description.contains("'split.tensors.count' is 23, expected 24, as many as the 3 parts") == true)
    }

    @Test("a tensor that is in two parts is named with both")
    func twice() throws {
        let error = #expect(throws: CheckpointError.self) {
            try open { folder in
                let (second, third) = ("\(folder)/\(Self.names[1])", "\(folder)/\(Self.names[2])")
                try FileManager.default.removeItem(atPath: third)
                try FileManager.default.copyItem(atPath: second, toPath: third)
                try rewrite(third) { $0["split.no"] = .uint16(2) }
            }
        }
        let expected = #/tensor 'blk\.[^']+' is in part 2 and in part 3/#
        #expect(error?.description.contains(expected) == true)
    }

    @Test("what says that it is one file of one is one file, whatever it is called")
    func single() throws {
        for count in [0, 1] {
            let checkpoint = try Fixtures.withTemporaryFolder { folder in
                try Fixtures.write("tiny-qwen3.gguf", to: folder + "/x.gguf") {
                    $0["split.no"] = .uint16(0)
                    $0["split.count"] = .uint16(UInt16(count))
                }
                return try Checkpoint(path: folder + "/x.gguf")
            }
            #expect(checkpoint.partCount == 1 && checkpoint.tensors.count == 24)
        }
    }
}
