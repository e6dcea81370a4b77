import Foundation
import SpeculateShared
import Testing
import TestSupport

@Suite struct CheckpointTests {
    /// A small file with a value of every type and tensors of several.
    private static func writer() throws -> CheckpointWriter {
        var writer = CheckpointWriter()
        writer.metadata["a.uint8"] = .uint8(200)
        writer.metadata["a.int8"] = .int8(-7)
        writer.metadata["a.uint16"] = .uint16(60000)
        writer.metadata["a.int16"] = .int16(-30000)
        writer.metadata["a.uint32"] = .uint32(4_000_000_000)
        writer.metadata["a.int32"] = .int32(-2_000_000_000)
        writer.metadata["a.float32"] = .float32(1.5)
        writer.metadata["a.bool"] = .bool(true)
        writer.metadata["a.string"] = .string([0x68, 0xff, 0x00, 0x69])
        writer.metadata["a.uint64"] = .uint64(.max)
        writer.metadata["a.int64"] = .int64(.min)
        writer.metadata["a.float64"] = .float64(-2.25)
        writer.metadata["b.uint8"] = .array(.uint8([1, 2, 3]))
        writer.metadata["b.int8"] = .array(.int8([-1, 1]))
        writer.metadata["b.uint16"] = .array(.uint16([9]))
        writer.metadata["b.int16"] = .array(.int16([-9, 8, 7]))
        writer.metadata["b.uint32"] = .array(.uint32([]))
        writer.metadata["b.int32"] = .array(.int32([-1, 0, 1]))
        writer.metadata["b.float32"] = .array(.float32([0.5, -0.5]))
        writer.metadata["b.bool"] = .array(.bool([true, false]))
        writer.metadata["b.string"] = .array(.string(ByteStrings(["", "one", "deux"])))
        writer.metadata["b.uint64"] = .array(.uint64([1 << 63]))
        writer.metadata["b.int64"] = .array(.int64([-5]))
        writer.metadata["b.float64"] = .array(.float64([3.5]))
        writer.metadata["b.nested"] = .array(.array([.int32([1]), .int32([2, 3])], of: .int32))
        try writer.add("m", type: .q8_0, shape: [32, 3], bytes: [UInt8](repeating: 5, count: 102))
        try writer.add("v", shape: [3], floats: [1, 2, 3])
        try writer.add("k", type: .q4_K, shape: [256], bytes: [UInt8](repeating: 9, count: 144))
        return writer
    }

    private func read(_ bytes: [UInt8]) throws -> Checkpoint {
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/file.gguf"
            try Data(bytes).write(to: URL(filePath: path))
            return try Checkpoint(path: path)
        }
    }

    @Test("what is written is read again, every type of value and tensor")
    func roundTrip() throws {
        let writer = try Self.writer()
        let checkpoint = try Fixtures.withTemporaryFolder { folder in
            try writer.write(to: folder + "/file.gguf")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["file.gguf"])
            return try Checkpoint(path: folder + "/file.gguf")
        }
        for key in writer.metadata.keys { #expect(checkpoint.metadata[key] == writer.metadata[key], "\(key)") }
        #expect(checkpoint.metadata.keys == writer.metadata.keys + ["general.alignment"])
        #expect(checkpoint.tensors.map(\.name) == ["m", "v", "k"])
        #expect(try checkpoint.floats(of: checkpoint.tensor("v")!) == [1, 2, 3])
        #expect(checkpoint.tensor("m")!.shape == [32, 3])
        #expect(try checkpoint.bytes(of: checkpoint.tensor("k")!) == [UInt8](repeating: 9, count: 144))
    }

    @Test("files of the gguf library are read", arguments: ["tiny-llama3", "tiny-linear", "tiny-qwen2", "tiny-qwen3"])
    func foreign(name: String) throws {
        let checkpoint = try Checkpoint(path: Fixtures.path(name + ".gguf"))
        #expect(try checkpoint.metadata.string("general.name") == name)
        #expect(checkpoint.tensor("token_embd.weight")?.type == .f16)
    }

    @Test("blocks of every type become the numbers that the gguf library makes of them")
    func blocks() throws {
        let bytes = try Fixtures.bytes("blocks.bin")
        var seen = Set<TensorType>()
        bytes.withUnsafeBytes { raw in
            var offset = 0
            while offset < raw.count {
                func int(_ index: Int) -> Int {
                    Int(raw.loadUnaligned(fromByteOffset: offset + index * 4, as: Int32.self))
                }
                let type = TensorType(rawValue: UInt32(int(0)))!
                let size = int(1)
                let count = int(2)
                let blocks = UnsafeRawBufferPointer(rebasing: raw[(offset + 12)..<(offset + 12 + size)])
                var values = [Float](repeating: 0, count: count)
                values.withUnsafeMutableBufferPointer { dequantize(blocks, type: type, inputs: count / 3, into: $0) }
                let expected = (0..<count).map {
                    raw.loadUnaligned(fromByteOffset: offset + 12 + size + $0 * 4, as: Float.self)
                }
                #expect(zip(values, expected).allSatisfy { abs($0 - $1) <= 1e-6 * max(1, abs($1)) }, "\(type)")
                seen.insert(type)
                offset += 12 + size + count * 4
            }
        }
        #expect(seen == Set(TensorType.weights).subtracting([.f32]))
    }

    @Test("a file cut anywhere is refused")
    func truncation() throws {
        let bytes = try Self.writer().bytes()
        for length in 1..<bytes.count - 31 {
            let cut = Array(bytes[..<length])
            #expect(throws: CheckpointError.self, "\(length) bytes") {
                try cut.withUnsafeBytes { try Checkpoint.validate($0) }
            }
        }
    }

    @Test("20,000 damaged files are read or refused, never worse")
    func mutation() throws {
        let original = try Self.writer().bytes()
        let headerLength = original.count - 102 - 12 - 144
        var rng = SplitMix(1)
        var refused = 0
        for _ in 0..<20_000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...3, using: &rng) {
                // Most of the danger is in the header's lengths.
                let at = Int.random(in: 0..<(Bool.random(using: &rng) ? headerLength : 400), using: &rng)
                switch Int.random(in: 0..<6, using: &rng) {
                case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &rng)
                case 1: bytes[at] = UInt8.random(in: 0...255, using: &rng)
                case 2: for i in at..<min(at + 8, bytes.count) { bytes[i] = 0xff }
                case 3: for i in at..<min(at + 8, bytes.count) { bytes[i] = 0 }
                case 4: bytes.removeSubrange(at..<min(at + Int.random(in: 1...16, using: &rng), bytes.count))
                default:
                    bytes.insert(
                        contentsOf: (0..<Int.random(in: 1...16, using: &rng)).map { _ in
                            UInt8.random(in: 0...255, using: &rng)
                        }, at: at)
                }
            }
            do {
                try bytes.withUnsafeBytes { try Checkpoint.validate($0) }
            } catch let error as CheckpointError {
                #expect(!error.description.isEmpty)
                refused += 1
            }
        }
        #expect(refused > 10_000)
    }

    /// Each case patches the header of a file with one key and one tensor, and lists what the message must contain.
    @Test("a hostile header is refused with the name of what is wrong")
    func hostile() throws {
        func file(_ change: (inout [UInt8]) -> Void) -> [UInt8] {
            var bytes: [UInt8] = Array("GGUF".utf8)
            func add<T: BitwiseCopyable>(_ value: T) { withUnsafeBytes(of: value) { bytes += $0 } }
            add(UInt32(3))  // 4
            add(UInt64(1))  // 8: tensors
            add(UInt64(1))  // 16: pairs
            add(UInt64(1))  // 24
            bytes += Array("k".utf8)  // 32
            add(UInt32(9))  // 33: array
            add(UInt32(4))  // 37: of uint32
            add(UInt64(1))  // 41: count
            add(UInt32(7))  // 49
            add(UInt64(1))  // 53
            bytes += Array("t".utf8)  // 61
            add(UInt32(2))  // 62: dimensions
            add(UInt64(4))  // 66
            add(UInt64(2))  // 74
            add(UInt32(0))  // 82: F32
            add(UInt64(0))  // 86: offset
            bytes += [UInt8](repeating: 0, count: 128 - bytes.count + 32)  // data at 96
            change(&bytes)
            return bytes
        }
        func set<T: BitwiseCopyable>(_ value: T, at offset: Int) -> (inout [UInt8]) -> Void {
            { bytes in withUnsafeBytes(of: value) { bytes.replaceSubrange(offset..<offset + $0.count, with: $0) } }
        }
        try file { _ in }.withUnsafeBytes { try Checkpoint.validate($0) }
        let cases: [(String, [UInt8])] = [
            ("GGUF", file(set(UInt32(0), at: 0))),
            ("version 2", file(set(UInt32(2), at: 4))),
            ("big-endian", file(set(UInt32(3).byteSwapped, at: 4))),
            ("tensor count", file(set(UInt64.max, at: 8))),
            ("metadata count", file(set(UInt64.max / 2, at: 16))),
            ("metadata key 0", file(set(UInt64.max, at: 24))),
            ("'k'", file(set(UInt32(77), at: 33))),
            ("'k'", file(set(UInt64.max, at: 41))),
            ("'k'", file(set(UInt64(1) << 62, at: 41))),
            (
                "'k'",
                file {
                    set(UInt32(8), at: 37)(&$0); set(UInt64(1) << 40, at: 41)(&$0)
                }
            ),
            ("tensor 0", file(set(UInt64(0), at: 53))),
            ("'t' has 0 dimensions", file(set(UInt32(0), at: 62))),
            ("'t' has 9 dimensions", file(set(UInt32(9), at: 62))),
            ("'t' has the shape", file(set(UInt64(0), at: 66))),
            ("'t' has the shape", file(set(UInt64(1) << 40, at: 74))),
            ("'t' has type number 5", file(set(UInt32(5), at: 82))),
            ("'t' has type IQ2_XS, which", file(set(UInt32(17), at: 82))),
            ("multiple of 32 for Q8_0", file(set(UInt32(8), at: 82))),
            ("multiple of the alignment", file(set(UInt64(5), at: 86))),
            ("multiple of the alignment", file(set(UInt64.max, at: 86))),
            ("needs 32 bytes", file(set(UInt64(1) << 50, at: 86))),
        ]
        for (message, bytes) in cases {
            let error = #expect(throws: CheckpointError.self) {
                try bytes.withUnsafeBytes { try Checkpoint.validate($0) }
            }
            #expect(error?.description.contains(message) == true, "\(message): \(error?.description ?? "accepted")")
        }
    }

    @Test("overlapping tensors, tensors and keys that appear twice, and nests of arrays are refused")
    func structure() throws {
        var writer = CheckpointWriter()
        try writer.add("aa", shape: [64], floats: [Float](repeating: 1, count: 64))
        try writer.add("ab", shape: [64], floats: [Float](repeating: 1, count: 64))
        writer.metadata["k1"] = .uint32(1)
        writer.metadata["k2"] = .uint32(1)
        let bytes = writer.bytes()
        func refused(_ find: String, _ replace: [UInt8], at extra: Int = 0) -> String? {
            var changed = bytes
            let at = bytes.firstRange(of: Array(find.utf8))!.lowerBound + extra
            changed.replaceSubrange(at..<at + replace.count, with: replace)
            return #expect(throws: CheckpointError.self) {
                try changed.withUnsafeBytes { try Checkpoint.validate($0) }
            }?.description
        }
        #expect(refused("ab", Array("aa".utf8))?.contains("'aa' appears twice") == true)
        #expect(refused("k2", Array("k1".utf8))?.contains("'k1' appears twice") == true)
        // "ab", 4 bytes of dimension count, 8 of size, 4 of type: then the offset.
        #expect(refused("ab", [32, 0], at: 2 + 4 + 8 + 4)?.contains("overlaps") == true)

        var nested = CheckpointWriter()
        nested.metadata["deep"] = .array(
            .array([.array([.array([.array([.uint8([1])], of: .uint8)], of: .array)], of: .array)], of: .array))
        let error = #expect(throws: CheckpointError.self) {
            try nested.bytes().withUnsafeBytes { try Checkpoint.validate($0) }
        }
        #expect(error?.description.contains("'deep' nests arrays") == true)
    }

    @Test("missing, empty and special files are named")
    func files() throws {
        let missing = #expect(throws: FileError.self) { try Checkpoint(path: "/nowhere/x.gguf") }
        #expect(missing?.isMissing == true && missing?.description.contains("/nowhere/x.gguf") == true)
        try Fixtures.withTemporaryFolder { folder in
            #expect(throws: FileError.self) { try Checkpoint(path: folder) }
            try Data().write(to: URL(filePath: folder + "/empty"))
            let empty = #expect(throws: FileError.self) { try Checkpoint(path: folder + "/empty") }
            #expect(empty?.description.contains("empty") == true)
        }
    }

    @Test("a writer refuses bytes that are not the tensor's, and a folder that is not there")
    func writing() throws {
        var writer = CheckpointWriter()
        #expect(throws: CheckpointError.self) { try writer.add("x", type: .q8_0, shape: [32], bytes: [1, 2]) }
        #expect(throws: CheckpointError.self) { try writer.add("x", type: .q8_0, shape: [31], bytes: []) }
        #expect(throws: CheckpointError.self) { try writer.add("x", shape: [0], floats: []) }
        try writer.add("x", shape: [1], floats: [1])
        #expect(throws: CheckpointError.self) { try writer.add("x", shape: [1], floats: [1]) }
        #expect(throws: FileError.self) { try writer.write(to: "/nowhere/x.gguf") }
    }
}
