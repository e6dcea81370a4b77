import Foundation
import SpeculateShared
import TestSupport
import Testing

@Suite struct AtomicFileTests {
    private func mode(_ path: String) -> mode_t {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode : 0
    }

    @Test("a file is replaced whole, keeps its permissions, and leaves nothing beside it")
    func replacing() throws {
        try Fixtures.withTemporaryFolder { folder in
            let path = folder + "/file"
            try AtomicFile.write([1, 2, 3], to: path)
            #expect(chmod(path, 0o600) == 0)
            try AtomicFile.write(Array(repeating: 9, count: 1 << 20), to: path)
            #expect(try Data(contentsOf: URL(filePath: path)).count == 1 << 20)
            #expect(mode(path) & 0o777 == 0o600)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["file"])
        }
    }

    @Test("a link that somebody planted is replaced, and what it points to stays as it is")
    func links() throws {
        try Fixtures.withTemporaryFolder { folder in
            let (victim, path) = (folder + "/victim", folder + "/file")
            try Data("mine".utf8).write(to: URL(filePath: victim))
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: victim)
            // The temporary names of earlier versions were predictable.
            try FileManager.default.createSymbolicLink(atPath: path + ".part\(getpid())", withDestinationPath: victim)
            try AtomicFile.write([7], to: path)
            #expect(try String(contentsOfFile: victim, encoding: .utf8) == "mine")
            #expect(mode(path) & S_IFMT == S_IFREG)
        }
    }

    @Test("devices stay devices, folders are refused, and a full disk leaves the old file")
    func places() throws {
        try Fixtures.withTemporaryFolder { folder in
            try AtomicFile.write([1], to: "/dev/null")
            #expect(mode("/dev/null") & S_IFMT == S_IFCHR)
            #expect(throws: FileError.self) { try AtomicFile.write([1], to: "/dev/full") }
            for path in [folder, "/nowhere/file", folder + "/" + String(repeating: "x", count: 300)] {
                #expect(throws: FileError.self) { try AtomicFile.write([1], to: path) }
                #expect(throws: FileError.self) { try AtomicFile.check(path) }
            }
            try AtomicFile.check(folder + "/new")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        }
    }

    @Test("a file that one writer has is refused to another")
    func locks() throws {
        try Fixtures.withTemporaryFolder { folder in
            do {
                let first = try WritableFile(continuing: folder + "/file")
                try first.write([1, 2])
                let error = #expect(throws: FileError.self) { try WritableFile(continuing: folder + "/file") }
                #expect(error?.reason == "is being written by another run")
            }
            #expect(try WritableFile(continuing: folder + "/file").readAll() == [1, 2])
        }
    }
}
