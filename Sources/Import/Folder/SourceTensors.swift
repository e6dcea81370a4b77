import SpeculateShared

/// All tensors of a folder, from one safetensors file or from several with an index.
struct SourceTensors {
    private static let single = "model.safetensors"
    private static let index = "model.safetensors.index.json"

    private var tensors: [[UInt8]: SourceTensor] = [:]
    /// In the files' order.
    private var order: [String] = []

    init(_ folder: ModelFolder) throws(ModelFileError) {
        let weightMap = try folder.has(Self.index) ? Self.weightMap(folder) : nil
        if weightMap != nil, folder.has(Self.single) {
            throw .bad(folder.path, "has \(Self.index) and \(Self.single): remove the one that does not belong there")
        }
        guard weightMap != nil || folder.has(Self.single) else {
            let other = ["pytorch_model.bin", "pytorch_model.bin.index.json", "consolidated.safetensors"]
                .first { folder.has($0) }
            throw ModelFileError(
                .missing,
                "\(folder.path): has neither \(Self.single) nor \(Self.index)"
                    + (other.map { "; \($0) is not read" } ?? ""))
        }
        let files = weightMap.map { map in Set(map.map(\.file)).sorted() } ?? [Self.single]
        for file in files {
            for tensor in try SafetensorsFile.tensors(of: file, in: folder) {
                if let other = tensors.updateValue(tensor, forKey: Array(tensor.name.utf8)) {
                    throw .bad(file, "has tensor \(excerpt(tensor.name)), which \(other.fileName) has too")
                }
                order.append(tensor.name)
            }
        }
        if let weightMap { try check(weightMap) }
    }

    private static func weightMap(_ folder: ModelFolder) throws(ModelFileError) -> [(tensor: String, file: String)] {
        var entries: [(tensor: String, file: String)] = []
        for member in try folder.fields(of: index).fields("weight_map").object.members {
            // A name that leads out of the folder is no part of the model.
            guard let file = member.value.string, file.hasSuffix(".safetensors"), !file.contains("/") else {
                throw .bad(
                    index,
                    "tensor \(excerpt(member.key)) is in \(member.value.summary), expected a safetensors file "
                        + "of the folder")
            }
            entries.append((member.key, file))
        }
        guard !entries.isEmpty else { throw .bad(index, "names no tensors") }
        return entries
    }

    private func check(_ weightMap: [(tensor: String, file: String)]) throws(ModelFileError) {
        var listed = Set<[UInt8]>()
        for (name, file) in weightMap {
            listed.insert(Array(name.utf8))
            guard let tensor = self[name], tensor.fileName == file else {
                throw .bad(file, "has no tensor \(excerpt(name)), expected it by \(Self.index)")
            }
        }
        for name in order where !listed.contains(Array(name.utf8)) {
            throw .bad(Self.index, "does not list tensor \(excerpt(name)) of \(self[name]!.fileName)")
        }
    }

    var names: [String] { order }

    subscript(name: String) -> SourceTensor? { tensors[Array(name.utf8)] }
}
