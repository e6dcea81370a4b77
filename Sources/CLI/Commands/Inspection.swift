import Foundation
import Speculate
import SpeculateShared

/// A description of a checkpoint.
struct Inspection {
    private let checkpoint: Checkpoint

    init(_ checkpoint: Checkpoint) { self.checkpoint = checkpoint }

    var text: String {
        ([summary] + drafter + context + [metadata, tokenizer] + sampling + [tensors]).joined(separator: "\n\n")
    }

    private var summary: String {
        let weights = checkpoint.tensors.reduce(0) { $0 + $1.count }
        let name = (try? checkpoint.metadata.optionalString("general.name")).flatMap { $0 } ?? "unnamed"
        let parts = checkpoint.partCount > 1 ? " in \(checkpoint.partCount) files" : ""
        let architecture = (try? checkpoint.metadata.optionalString("general.architecture")).flatMap { $0 } ?? "unknown"
        return """
            \(checkpoint.path.printable)
            GGUF version 3, \(megabytes(checkpoint.byteCount))\(parts), architecture \(architecture.printable), "\(name.printable)"
            \(checkpoint.tensors.count) tensors, \(String(format: "%.1f", Double(weights) / 1e6)) million weights
            """
    }

    private var drafter: [String] {
        guard DrafterDescription.isDrafter(checkpoint.metadata) else { return [] }
        do throws(CheckpointError) {
            return [
                "drafter\n  " + (try DrafterDescription(checkpoint).lines).map(\.printable).joined(separator: "\n  ")
            ]
        } catch {
            return ["drafter\n  not one that this engine runs: \(error.description.printable)"]
        }
    }

    /// What a file with LongRoPE does unless told otherwise.
    private var context: [String] {
        guard let short = try? checkpoint.shortContext,
            let family = try? checkpoint.metadata.string("general.architecture"),
            let whole = try? checkpoint.metadata.integer("\(family).context_length", in: 1...1 << 40), short < whole
        else { return [] }
        return [
            """
            context
              \(short) tokens by default, rotated as short texts are
              more with --context: then every text is rotated as long ones are
            """
        ]
    }

    private var metadata: String {
        let keys = checkpoint.metadata.keys
        let width = keys.map(\.printable.count).max() ?? 0
        let lines = keys.map { key in
            key.printable.padding(toLength: width, withPad: " ", startingAt: 0) + "  "
                + describe(checkpoint.metadata[key]!)
        }
        return (["metadata"] + lines.map { "  " + $0 }).joined(separator: "\n")
    }

    private var tokenizer: String {
        let heading = "tokenizer\n  "
        do {
            let tokenizer = try Tokenizer(checkpoint.metadata)
            let control = tokenizer.kinds.filter { $0 == .control }.count
            let begin = tokenizer.beginToken.map { id in
                "\(id) \(tokenizer.spelling(of: id).printable), \(tokenizer.addsBeginToken ? "" : "not ")before a text"
            }
            let ends = tokenizer.endTokens.sorted().map { id in
                "\(id) \(String(decoding: tokenizer.pieces[Int(id)], as: UTF8.self).printable)"
            }
            return heading
                + [
                    "\(tokenizer.scheme), \(tokenizer.vocabularySize) tokens, \(control) of them control",
                    "begin token: \(begin ?? "none")",
                    "ends a text: \(ends.joined(separator: ", "))",
                    "chat template: \(describe(tokenizer.chatTemplate))",
                    "fingerprint: \(String(tokenizer.fingerprint, radix: 16))",
                ].joined(separator: "\n  ")
        } catch {
            return heading + "none that this engine reads: \("\(error)".printable)"
        }
    }

    private func describe(_ template: ChatTemplate?) -> String {
        guard let template, let lines = template.lines else { return "none" }
        return template.error.map { "not one that this engine reads: \("\($0)".printable)" } ?? "Jinja, \(lines) lines"
    }

    /// The service's defaults for what requests leave out.
    private var sampling: [String] {
        guard drafter.isEmpty, let defaults = try? SamplingDefaults(checkpoint.metadata) else { return [] }
        let values: [(String, String?)] = [
            ("temperature", defaults.temperature.map { "\($0)" }), ("top-p", defaults.topP.map { "\($0)" }),
            ("top-k", defaults.topK.map { "\($0)" }), ("min-p", defaults.minP.map { "\($0)" }),
            ("repetition penalty", defaults.repetitionPenalty.map { "\($0)" }),
        ]
        let advised = values.compactMap { name, value in value.map { "\(name) \($0)" } }
        return ["sampling, as its makers advise\n  " + (advised.isEmpty ? "nothing" : advised.joined(separator: ", "))]
    }

    private var tensors: String {
        let width = checkpoint.tensors.map(\.name.printable.count).max() ?? 0
        let lines = checkpoint.tensors.map { tensor in
            let shape = tensor.shape.map(String.init).joined(separator: " × ")
            return [
                tensor.name.printable.padding(toLength: width, withPad: " ", startingAt: 0),
                tensor.type.description.padding(toLength: 6, withPad: " ", startingAt: 0),
                shape.padding(toLength: max(16, shape.count), withPad: " ", startingAt: 0), megabytes(tensor.byteCount),
            ].joined(separator: "  ")
        }
        let totals = Dictionary(grouping: checkpoint.tensors, by: \.type).map { type, tensors in
            "\(type): \(tensors.count) tensors, \(megabytes(tensors.reduce(0) { $0 + $1.byteCount }))"
        }
        return (["tensors (fastest dimension first)"] + (totals.sorted() + lines).map { "  " + $0 }).joined(
            separator: "\n")
    }

    private func describe(_ value: MetadataValue) -> String {
        switch value {
        case .uint8(let v): "\(v)"
        case .int8(let v): "\(v)"
        case .uint16(let v): "\(v)"
        case .int16(let v): "\(v)"
        case .uint32(let v): "\(v)"
        case .int32(let v): "\(v)"
        case .uint64(let v): "\(v)"
        case .int64(let v): "\(v)"
        case .float32(let v): "\(v)"
        case .float64(let v): "\(v)"
        case .bool(let v): "\(v)"
        case .string(let v): quote(v)
        case .array(let array): describe(array)
        }
    }

    private func describe(_ array: MetadataArray) -> String {
        let count = "array of \(array.count)"
        if let integers = array.integers {
            return "\(count): \(list(integers.prefix(8).map(String.init), array.count))"
        }
        switch array {
        case .string(let strings): return "\(count): \(list(strings.prefix(5).map { quote($0) }, array.count))"
        case .float32(let floats): return "\(count): \(list(floats.prefix(8).map { "\($0)" }, array.count))"
        default: return "\(count), each \(array.elementType)"
        }
    }

    private func list(_ shown: [String], _ count: Int) -> String {
        shown.joined(separator: ", ") + (shown.count < count ? ", …" : "")
    }

    private func quote(_ bytes: some Collection<UInt8>) -> String {
        let text = String(decoding: bytes, as: UTF8.self)
        return String(text.prefix(100)).debugDescription + (text.count > 100 ? "…" : "")
    }

    private func megabytes(_ bytes: Int) -> String { String(format: "%.2f MB", Double(bytes) / 1e6) }
}
