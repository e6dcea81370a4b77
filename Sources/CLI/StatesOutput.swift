import Foundation
import Speculate

/// The states of a batch's results, rows of bfloat16 numbers, written as they come. A line of the output names its rows
/// only once they are here, so that what an interrupted run left in addition does no harm.
final class StatesOutput {
    private let handle: FileHandle
    private let path: String
    private var bytes: Int

    /// - Throws: `EngineError` when the file cannot be written.
    init(path: String) throws(EngineError) {
        self.path = path
        handle = try FileHandle.output(path)
        do {
            bytes = Int(try handle.seekToEnd())
        } catch {
            throw EngineError(.runtime, "\(path): \(error.localizedDescription)")
        }
    }

    /// Returns the number of the first row.
    func append(_ recorded: RecordedStates) throws(EngineError) -> Int {
        let row = (bytes + recorded.rowBytes - 1) / recorded.rowBytes  // The last one there may not be whole.
        do {
            try handle.seek(toOffset: UInt64(row * recorded.rowBytes))
            try recorded.states.withUnsafeBytes { try handle.write(contentsOf: $0) }
        } catch {
            throw EngineError(.runtime, "\(path): \(error.localizedDescription)")
        }
        bytes = row * recorded.rowBytes + 2 * recorded.states.count
        return row
    }

    func close() { try? handle.close() }
}
