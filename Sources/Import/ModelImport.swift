import SpeculateShared

/// Makes a GGUF file of a folder as the Hugging Face libraries keep a model: config.json, the tokenizer's files, and
/// safetensors. Everything but the weights' values is read and checked before anything is written.
package struct ModelImport: Sendable {
    /// Of the folder, for the name of a file.
    package let name: String
    /// Bytes of the file to be.
    package let byteCount: Int
    /// How many tensors are left out because they take no part in text.
    package let ignoredTensors: Int
    private let header: CheckpointHeader
    private let tensors: [PlannedTensor]

    /// - Throws: `ModelFileError` naming what cannot be converted.
    package init(folder path: String, type: ImportType) throws(ModelFileError) {
        let folder = try ModelFolder(path: path)
        let root = try folder.fields(of: "config.json")
        let family = try SourceFamily.named(in: root)
        // Models that see keep the text's settings apart.
        let inner = family.ignored.isEmpty ? nil : try root.optionalFields("text_config")
        let fields = inner.map { Fields(root.object.overlaid(by: $0.object), root.place) } ?? root
        let config = try ModelConfig(fields, family)
        var header = CheckpointHeader()
        header.metadata = try ModelMetadata.metadata(fields, family, config, type: type, folder: folder)
        try TokenizerMetadata.add(folder, fields, count: config.vocabulary, to: &header.metadata)
        let plan = try TensorPlan(try SourceTensors(folder), family, config)
        let headIsApart = plan.tensors.contains(where: \.isHead)
        do throws(CheckpointError) {
            for tensor in plan.tensors {
                let isHead = tensor.isHead || tensor.isEmbedding && !headIsApart
                try header.add(tensor.name, type: type.type(of: tensor, isHead: isHead), shape: tensor.shape)
            }
        } catch {
            throw ModelFileError(.badFile, "\(path): \(error)")
        }
        try EngineCheck.check(header.metadata, vocabulary: config.vocabulary)
        self.header = header
        tensors = plan.tensors
        ignoredTensors = plan.ignored
        byteCount = header.bytes().count + header.dataBytes
        name = ModelFolder.name(of: path)
    }

    /// Writes the file's bytes in order. Blocks its thread, and works with one more per core.
    /// - Parameter progress: told how many bytes are written.
    /// - Throws: `ModelFileError` if a weight is no number, or a file cannot be read or written.
    package func write(to file: PendingFile, progress: (Int) -> Void) throws(ModelFileError) {
        let encoder = TensorEncoder(pool: WorkerPool(count: Processor.physicalCores))
        var written = 0
        func write(_ bytes: [UInt8]) throws(ModelFileError) {
            do throws(FileError) { try file.write(bytes) } catch { throw ModelFileError(.runtime, error.description) }
            written += bytes.count
            progress(written)
        }
        try write(header.bytes())
        for (tensor, info) in zip(tensors, header.tensors) {
            try encoder.encode(tensor, as: info.type, write)
            let padding = CheckpointHeader.padded(info.byteCount) - info.byteCount
            if padding > 0 { try write([UInt8](repeating: 0, count: padding)) }
        }
    }
}
