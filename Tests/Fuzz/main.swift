import Foundation
import Synchronization
import TestSupport

// With libFuzzer: tries mutations of the recipes in its corpus. Without: tries the recipes in the given files.

/// The folder for this process's model files.
let folder = (ProcessInfo.processInfo.environment["FUZZ_FOLDER"] ?? NSTemporaryDirectory()) + "/\(getpid())"
try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)

/// Runs a recipe; ends the process with a message if it is a finding.
func attempt(_ recipe: [UInt8], _ report: @escaping @Sendable (FuzzCase.Outcome) -> Void = { _ in }) {
    let done = DispatchSemaphore(value: 0)
    let folder = folder
    Task.detached {
        do {
            report(try await FuzzCase.run(recipe, folder: folder))
        } catch {
            fatalError("\(error)\n\(CheckpointMutator(recipe))")
        }
        done.signal()
    }
    done.wait()
}

#if FUZZING
    @_silgen_name("LLVMFuzzerRunDriver")
    func runDriver(
        _ count: UnsafeMutablePointer<Int32>,
        _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
        _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
    ) -> Int32

    var count = CommandLine.argc
    var arguments = CommandLine.unsafeArgv
    let status = runDriver(&count, &arguments) { data, size in
        attempt(Array(UnsafeBufferPointer(start: data, count: size)))
        return 0
    }
#else
    for path in CommandLine.arguments.dropFirst() {
        let recipe = [UInt8](try Data(contentsOf: URL(filePath: path)))
        print("\(path)\n\(CheckpointMutator(recipe))")
        attempt(recipe) { print($0) }
    }
    let status: Int32 = 0
#endif
try? FileManager.default.removeItem(atPath: folder)
exit(status)
