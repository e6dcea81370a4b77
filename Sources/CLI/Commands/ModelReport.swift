import Foundation
import SpeculateHub

/// The models that are here, for people and for programs.
enum ModelReport {
    static func text(_ models: [StoredModel], columns: Int) -> String {
        let rows = models.map { model in
            [
                model.name, model.byteCount.bytesForPeople, model.quant ?? "–", model.date.map(day) ?? "–",
                model.isComplete ? (model.drafter == nil ? "" : "with a drafter") : "interrupted",
            ]
        }
        return TextTable.text([["model", "size", "quant", "fetched", ""]] + rows, columns: columns)
            .split(separator: "\n", omittingEmptySubsequences: false).map { line in
                String(line.reversed().drop { $0 == " " }.reversed())
            }.joined(separator: "\n")
    }

    static func text(_ removal: ModelStore.Removal) -> String {
        let files = "\(removal.fileCount) file\(removal.fileCount == 1 ? "" : "s")"
        return "removed \(removal.models.joined(separator: ", ")): \(files), \(removal.byteCount.bytesForPeople) freed"
    }

    static func json(_ models: [StoredModel], in store: ModelStore) throws -> String {
        try encoded(Listing(folder: store.root, models: models.map(Model.init)))
    }

    static func json(_ model: StoredModel) throws -> String { try encoded(Model(model)) }

    static func json(_ removal: ModelStore.Removal) throws -> String {
        try encoded(
            Removed(removed: removal.models, files: removal.fileCount, bytes: removal.byteCount))
    }

    private struct Listing: Encodable {
        let folder: String
        let models: [Model]
    }

    private struct Removed: Encodable {
        let removed: [String]
        let files, bytes: Int
    }

    private struct Model: Encodable {
        let name, path: String
        let files: [String]
        let quant, drafter: String?
        let bytes: Int
        let date: Date?
        let isComplete: Bool
        let revision, sha256: String?

        init(_ model: StoredModel) {
            name = model.name
            path = model.path
            files = model.files
            quant = model.quant
            drafter = model.drafter
            bytes = model.byteCount
            date = model.date
            isComplete = model.isComplete
            revision = model.record?.revision
            sha256 = model.record?.sha256
        }
    }

    private static func encoded(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    private static func day(_ date: Date) -> String {
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.dateFormat = "yyyy-MM-dd"
        return format.string(from: date)
    }
}
