import Foundation
import SpeculateDrafter
import SpeculateShared
import Testing
import TestSupport

@testable import Speculate

@Suite struct TextMemoriesTests {
    private static func file(_ path: String, fingerprint: UInt64 = 7) -> TextMemoryFile {
        TextMemoryFile(path: path, fingerprint: fingerprint, vocabulary: 100)
    }

    private static func temporaryPath() -> String {
        FileManager.default.temporaryDirectory.appending(path: "speculate-texts-\(UUID().uuidString)").path
    }

    private static func memories(
        _ file: TextMemoryFile?, limit: Int = 32 << 20, use: TextMemoryUse = .keep
    ) throws -> TextMemories {
        try TextMemories(vocabulary: 100, limit: limit, file: file, use: use)
    }

    /// What is drafted after some tokens in a scope.
    private func drafted(_ memories: TextMemories, _ scope: CacheScope, after tokens: [Int32]) -> [Int32] {
        let drafter = TextDrafter(odds: FollowerOdds(), memory: memories.memory(of: scope), common: memories.common)
        drafter.begin(tokens)
        var proposal = Proposal()
        drafter.propose(maximum: 3, beside: .none, into: &proposal)
        return proposal.tokens
    }

    private let mine = CacheScope(client: "key a", salt: nil)
    private let yours = CacheScope(client: "key b", salt: "x")

    @Test("what one client wrote is drafted for that client alone")
    func scopes() throws {
        let memories = try Self.memories(nil)
        memories.remember([1, 2, 3, 4, 5, 6], in: mine)
        #expect(drafted(memories, mine, after: [9, 2, 3]) == [4, 5, 6])
        for other in [yours, CacheScope(client: nil, salt: nil), CacheScope(client: "key a", salt: "x")] {
            #expect(drafted(memories, other, after: [9, 2, 3]).isEmpty)
        }
        memories.memory(of: mine).followers.record([50], after: FollowerTable.key(40))
        #expect(drafted(memories, mine, after: [40]) == [50] && drafted(memories, yours, after: [40]).isEmpty)
    }

    @Test("without room nothing is remembered; with little, the scope used last")
    func limits() throws {
        let none = try Self.memories(nil, limit: 0)
        none.remember([1, 2, 3, 4], in: mine)
        #expect(drafted(none, mine, after: [1, 2]).isEmpty)
        let one = TextMemory(vocabulary: 100, limit: 1).bytes
        let little = try Self.memories(nil, limit: one + one / 2)
        little.remember([1, 2, 3, 4], in: mine)
        little.remember([1, 2, 7, 8], in: yours)
        #expect(drafted(little, yours, after: [1, 2]) == [7, 8])
        #expect(drafted(little, mine, after: [1, 2]).isEmpty)
    }

    @Test("a client with many salts loses its own texts, not another's")
    func eviction() throws {
        let one = TextMemory(vocabulary: 100, limit: 1).bytes
        let memories = try Self.memories(nil, limit: 4 * one)
        memories.remember([1, 2, 3, 4], in: mine)
        for number in 0..<20 {
            let salted = CacheScope(client: "key b", salt: "\(number)")
            _ = memories.memory(of: salted)  // It may fail before it has a text.
            if number.isMultiple(of: 2) { memories.remember([1, 2, 7, 8], in: salted) }
        }
        #expect(drafted(memories, mine, after: [1, 2]) == [3, 4])
        #expect(drafted(memories, CacheScope(client: "key b", salt: "18"), after: [1, 2]) == [7, 8])
        #expect(drafted(memories, CacheScope(client: "key b", salt: "0"), after: [1, 2]).isEmpty)
    }

    @Test("a file keeps texts across processes, for the user alone")
    func persistence() throws {
        let path = Self.temporaryPath()
        defer { unlink(path) }
        let first = try Self.memories(Self.file(path))
        first.remember([1, 2, 3, 4, 5, 6], in: mine)
        first.remember([21, 22, 23, 24], in: mine)
        first.remember([1, 2, 7, 8], in: yours)
        try first.save()
        #expect(!first.isChanged)
        let permissions = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(permissions == 0o600)
        let second = try Self.memories(Self.file(path))
        #expect(drafted(second, mine, after: [9, 2, 3]) == [4, 5, 6])
        #expect(drafted(second, mine, after: [21, 22]) == [23, 24])
        #expect(drafted(second, yours, after: [1, 2]) == [7, 8])
        second.remember([31, 32, 33], in: mine)
        try second.save()
        let third = try Self.memories(Self.file(path))
        #expect(drafted(third, mine, after: [31, 32]) == [33])
        #expect(drafted(third, yours, after: [1, 2]) == [7, 8])
    }

    @Test("what is memorized for all is drafted for all, stays apart from what they say, and is not lost with it")
    func common() throws {
        try Fixtures.withTemporaryFolder { folder in
            let file = Self.file(folder + "/memory")
            let before = try Self.memories(file)
            before.remember([41, 42, 43], in: mine)
            try before.save()
            let first = try Self.memories(file, use: .share)
            first.remember([1, 2, 3, 4], in: yours)
            first.memory(of: yours).followers.record([50], after: FollowerTable.key(40))
            try first.save()
            let second = try Self.memories(file)
            #expect(
                drafted(second, mine, after: [1, 2]) == [3, 4] && drafted(second, yours, after: [1, 2]) == [3, 4])
            #expect(drafted(second, yours, after: [40]) == [50])
            #expect(drafted(second, mine, after: [41]) == [42, 43] && drafted(second, yours, after: [41]).isEmpty)
            second.remember([2, 3, 9], in: mine)
            try second.save()
            let third = try Self.memories(file, use: .share)
            third.remember([5, 6, 7], in: mine)
            try third.save()
            let fourth = try Self.memories(file)
            #expect(drafted(fourth, yours, after: [2, 3]) == [4] && drafted(fourth, mine, after: [2, 3]) == [9])
            #expect(drafted(fourth, yours, after: [5, 6]) == [7])
        }
    }

    @Test("two processes with one file lose nothing of each other's")
    func twoProcesses() throws {
        try Fixtures.withTemporaryFolder { folder in
            let file = Self.file(folder + "/memory")
            let (first, second) = (try Self.memories(file), try Self.memories(file, use: .share))
            first.remember([1, 2, 3], in: mine)
            first.memory(of: mine).followers.record([50], after: FollowerTable.key(40))
            try first.save()
            second.remember([11, 12, 13], in: mine)
            try second.save()
            let third = try Self.memories(file)
            third.remember([21, 22, 23], in: mine)
            third.remember([31, 32, 33], in: yours)
            try third.save()
            first.remember([4, 5, 6], in: mine)
            try first.save()
            first.remember([7, 8, 9], in: mine)
            try first.save()
            let last = try Self.memories(file)
            for (text, next) in [(1, 3), (4, 6), (7, 9), (11, 13), (21, 23)] as [(Int32, Int32)] {
                #expect(drafted(last, mine, after: [text, text + 1]) == [next], "\(text)")
            }
            #expect(drafted(last, yours, after: [31, 32]) == [33] && drafted(last, mine, after: [40]) == [50])
            #expect(last.memory(of: mine).saved.texts.count == 15)
            try Data("something else".utf8).write(to: URL(fileURLWithPath: file.path))
            last.remember([1, 2, 4], in: mine)
            #expect(throws: EngineError.self) { try last.save() }
            #expect(try Data(contentsOf: URL(fileURLWithPath: file.path)) == Data("something else".utf8))
        }
    }

    @Test("a file that is only read stays as it is")
    func reading() throws {
        try Fixtures.withTemporaryFolder { folder in
            let file = Self.file(folder + "/memory")
            let first = try Self.memories(file, use: .share)
            first.remember([1, 2, 3, 4], in: mine)
            try first.save()
            let bytes = try Data(contentsOf: URL(fileURLWithPath: file.path))
            let second = try Self.memories(file, use: .read)
            second.remember([5, 6, 7], in: mine)
            try second.save()
            #expect(drafted(second, yours, after: [1, 2]) == [3, 4])
            #expect(try Data(contentsOf: URL(fileURLWithPath: file.path)) == bytes)
        }
    }

    @Test("a long file is read little by little, and is all there in the end and when it is saved before")
    func longFile() throws {
        let path = Self.temporaryPath()
        defer { unlink(path) }
        var rng = SplitMix(8)
        let first = try Self.memories(Self.file(path), limit: 64 << 20)
        let texts = (0..<200).map { _ in (0..<400).map { _ in Int32.random(in: 0..<100, using: &rng) } }
        for text in texts { first.remember(text, in: mine) }
        try first.save()
        let second = try Self.memories(Self.file(path), limit: 64 << 20)
        #expect(drafted(second, mine, after: Array(texts[199][10..<30])) == Array(texts[199][30..<33]))
        #expect(drafted(second, mine, after: Array(texts[0][10..<30])) != Array(texts[0][30..<33]))
        second.remember([1, 2, 3], in: mine)
        try second.save()
        let third = try Self.memories(Self.file(path), limit: 64 << 20)
        for _ in 0..<400 { third.readOn(256) }
        #expect(drafted(third, mine, after: Array(texts[0][10..<30])) == Array(texts[0][30..<33]))
    }

    @Test("a file that is cut, changed, another tokenizer's or something else is refused by name, and left alone")
    func damage() throws {
        let path = Self.temporaryPath()
        defer { unlink(path) }
        let memories = try Self.memories(Self.file(path))
        memories.remember([1, 2, 3, 4, 5, 6], in: yours)
        memories.memory(of: yours).pairFollowers.record([7, 8], after: FollowerTable.key(5, 6))
        try memories.save()
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        func refusal(_ bytes: Data, fingerprint: UInt64 = 7) throws -> EngineError? {
            try bytes.write(to: URL(fileURLWithPath: path))
            let file = Self.file(path, fingerprint: fingerprint)
            let error = #expect(throws: EngineError.self) { _ = try Self.memories(file) }
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
            return error
        }
        for length in 1..<whole.count {
            let error = try refusal(whole.prefix(length))
            #expect(error?.code == .invalidCheckpoint && error?.message.contains(path) == true, "\(length) bytes")
        }
        for index in whole.indices {
            var changed = whole
            changed[index] ^= 0x40
            #expect(try refusal(changed)?.code == .invalidCheckpoint, "byte \(index)")
        }
        #expect(try refusal(whole, fingerprint: 8)?.code == .invalidCheckpoint)
        #expect(throws: EngineError.self) { _ = try Self.memories(Self.file("/nowhere/at/all")) }
    }
}
