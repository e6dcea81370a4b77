import Foundation
import Speculate
import SpeculateShared

/// A batch's results, one line each, written as they finish. Keeps an earlier run's lines and cuts off an incomplete
/// one.
final class BatchOutput {
    /// Indices of the prompts that already have a line.
    private(set) var done: Set<Int> = []
    private let file: WritableFile
    private let settings: String
    private let states: HiddenStatesOutput?

    private struct Line: Codable {
        var index: Int
        var id: String?
        var settings: String
        /// The hash of the prompt's line.
        var promptHash: String
        var text: String?
        var tokens: [Int32]?
        var finishReason: String?
        var promptTokens: Int?
        var completionTokens: Int?
        var promptIds: [Int32]?
        var states: Int?
        var statesFile: String?
        var logTotals: [Float]?
        var error: String?
    }

    /// - Throws: `EngineError` if the file cannot be written, or belongs to other prompts or settings.
    init(path: String, prompts: [BatchPrompt], settings: String, states: HiddenStatesOutput?) throws(EngineError) {
        self.settings = settings
        self.states = states
        do {
            file = try WritableFile(continuing: path)
            let data = Data(try file.readAll())
            let whole = data.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
            try read(data[..<whole], prompts)
            try file.truncate(to: whole)
            try file.write([], at: whole)
        } catch {
            throw EngineError(error, path: path)
        }
    }

    private func read(_ data: Data, _ prompts: [BatchPrompt]) throws(EngineError) {
        func refusal(_ number: Int, _ reason: String) -> EngineError {
            EngineError(.invalidRequest, "\(file.path), line \(number + 1): \(reason)")
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        for (number, text) in data.split(separator: UInt8(ascii: "\n")).enumerated() {
            guard let line = try? decoder.decode(Line.self, from: text), prompts.indices.contains(line.index),
                prompts[line.index].id == line.id
            else {
                throw refusal(number, "not a result for these prompts; name another output")
            }
            guard line.settings == settings else {
                throw refusal(
                    number, "made with another model or other settings; repeat those or name another output")
            }
            guard line.promptHash == prompts[line.index].hash else {
                throw refusal(
                    number, "made from another prompt than number \(line.index + 1) is now; name another output")
            }
            guard line.statesFile == (line.error == nil ? states?.name : nil) else {
                throw refusal(
                    number,
                    "its hidden states are in \(excerpt(line.statesFile ?? "no file")), not in \(excerpt(states?.name ?? "none"))"
                )
            }
            if let states, let first = line.states,
                first + (line.promptTokens ?? 0) + (line.completionTokens ?? line.tokens?.count ?? 0) - 1 > states.rows
            {
                throw refusal(
                    number, "its hidden states are no longer in \(excerpt(states.name)), which has \(states.rows) rows")
            }
            done.insert(line.index)
        }
    }

    func append(
        _ result: Result<CompletionResult, EngineError>, _ prompt: BatchPrompt, index: Int, withTokenIDs: Bool,
        withPromptIDs: Bool
    ) throws(EngineError) {
        var line = Line(index: index, id: prompt.id, settings: settings, promptHash: prompt.hash)
        switch result {
        case .success(let result):
            line.text = result.text
            if withTokenIDs { line.tokens = result.tokens }
            line.finishReason = result.finishReason.name
            line.promptTokens = result.statistics.promptTokens
            line.completionTokens = result.tokens.count
            if withPromptIDs { line.promptIds = result.promptTokens }
            if let recorded = result.recorded { line.states = try states?.append(recorded) }
            line.statesFile = states?.name
            line.logTotals = result.recorded?.logTotals
        case .failure(let error): line.error = error.message
        }
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            try file.write([UInt8](try encoder.encode(line)) + [UInt8(ascii: "\n")])
        } catch {
            throw EngineError(error, path: file.path)
        }
        done.insert(index)
    }

    /// Syncs all lines to disk.
    func finish() throws(EngineError) {
        do throws(FileError) { try file.synchronize() } catch { throw EngineError(error, path: file.path) }
    }
}
