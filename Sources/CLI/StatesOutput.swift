import Speculate
import SpeculateShared

/// The states of a batch's results, rows of bfloat16 numbers, written as they come. A line of the output names its rows
/// only once they are here, so that what an interrupted run left in addition does no harm.
final class StatesOutput {
    /// What lines of the output call it.
    let name: String
    private let file: WritableFile
    private let rowBytes: Int
    private var bytes: Int

    /// - Throws: `EngineError` when the file cannot be written.
    init(path: String, rowBytes: Int) throws(EngineError) {
        name = path.split(separator: "/").last.map(String.init) ?? path
        self.rowBytes = rowBytes
        do throws(FileError) {
            file = try WritableFile(continuing: path)
            bytes = try file.byteCount()
        } catch {
            throw EngineError(error, path: path)
        }
    }

    /// Whole rows that are there.
    var rows: Int { bytes / rowBytes }

    /// Returns the number of the first row.
    func append(_ recorded: RecordedStates) throws(EngineError) -> Int {
        let row = (bytes + rowBytes - 1) / rowBytes  // The last one there may not be whole.
        let states = recorded.states.withUnsafeBytes { [UInt8]($0) }
        do throws(FileError) {
            try file.write(states, at: row * rowBytes)
        } catch {
            throw EngineError(error, path: file.path)
        }
        bytes = row * rowBytes + states.count
        return row
    }
}
