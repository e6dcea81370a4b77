import Speculate
import SpeculateShared

/// The hidden states of a batch's results, rows of bfloat16 numbers, written as they finish. A line of the output names
/// its rows only after they are written, so that extra rows of an interrupted run do no harm.
final class HiddenStatesOutput {
    /// The file's name in the output's lines.
    let name: String
    private let file: WritableFile
    private let rowBytes: Int
    private var bytes: Int

    /// - Throws: `EngineError` if the file cannot be written.
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

    /// The number of complete rows in the file.
    var rows: Int { bytes / rowBytes }

    /// Appends rows; returns the index of the first.
    func append(_ recorded: RecordedHiddenStates) throws(EngineError) -> Int {
        let row = (bytes + rowBytes - 1) / rowBytes  // The file's last row may be incomplete.
        let states = recorded.numbers.withUnsafeBytes { [UInt8]($0) }
        do throws(FileError) {
            try file.write(states, at: row * rowBytes)
        } catch {
            throw EngineError(error, path: file.path)
        }
        bytes = row * rowBytes + states.count
        return row
    }
}
