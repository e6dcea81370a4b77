import Foundation
import Speculate

/// A batch's results, a line each, written as they come. What an earlier run left is kept; a line that it did not
/// finish is cut off.
final class BatchOutput {
    /// Indices of the prompts that have their line.
    private(set) var done: Set<Int> = []
    private let handle: FileHandle
    private let path: String
    private let settings: String

    private struct Line: Codable {
        var index: Int
        var id: String?
        var settings: String
        var text: String?
        var tokens: [Int32]?
        var finishReason: String?
        var promptTokens: Int?
        var promptIds: [Int32]?
        var states: Int?
        var logTotals: [Float]?
        var error: String?
    }

    /// - Throws: `EngineError` when the file cannot be written, or belongs to other prompts or settings.
    init(path: String, prompts: [BatchPrompt], settings: String) throws(EngineError) {
        self.path = path
        self.settings = settings
        handle = try FileHandle.output(path)
        do {
            let data = try handle.readToEnd() ?? Data()
            let whole = data.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
            try read(data[..<whole], prompts)
            try handle.truncate(atOffset: UInt64(whole))
            try handle.seekToEnd()
        } catch let error as EngineError {
            throw error
        } catch {
            throw EngineError(.runtime, "\(path): \(error.localizedDescription)")
        }
    }

    private func read(_ data: Data, _ prompts: [BatchPrompt]) throws(EngineError) {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        for (number, text) in data.split(separator: UInt8(ascii: "\n")).enumerated() {
            guard let line = try? decoder.decode(Line.self, from: text), prompts.indices.contains(line.index),
                prompts[line.index].id == line.id
            else {
                throw EngineError(
                    .invalidRequest, "\(path), line \(number + 1): not a result for these prompts; name another output")
            }
            guard line.settings == settings else {
                throw EngineError(
                    .invalidRequest,
                    "\(path), line \(number + 1): made with another model or other settings; repeat those or name another output"
                )
            }
            done.insert(line.index)
        }
    }

    func append(
        _ result: Result<CompletionResult, EngineError>, _ prompt: BatchPrompt, index: Int, withPromptIDs: Bool,
        statesRow: Int?
    ) throws(EngineError) {
        var line = Line(index: index, id: prompt.id, settings: settings)
        switch result {
        case .success(let result):
            line.text = result.text
            line.tokens = result.tokens
            line.finishReason = result.finishReason.name
            line.promptTokens = result.statistics.promptTokens
            if withPromptIDs { line.promptIds = result.promptTokens }
            line.states = statesRow
            line.logTotals = result.recorded?.logTotals
        case .failure(let error): line.error = error.message
        }
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            try handle.write(contentsOf: try encoder.encode(line) + [UInt8(ascii: "\n")])
        } catch {
            throw EngineError(.runtime, "\(path): \(error.localizedDescription)")
        }
        done.insert(index)
    }

    func close() { try? handle.close() }
}
