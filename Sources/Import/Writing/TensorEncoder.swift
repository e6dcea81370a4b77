import SpeculateShared

/// Reads a tensor piece by piece and hands out its bytes in the file's format, each piece encoded by all workers. Memory does
/// not grow with the tensor.
struct TensorEncoder {
    private static let pieceBytes = 8 << 20

    let pool: WorkerPool

    func encode(
        _ tensor: PlannedTensor, as type: TensorType, _ write: ([UInt8]) throws(ModelFileError) -> Void
    ) throws(ModelFileError) {
        switch tensor.source {
        case .floats(let floats): try write(floats.withUnsafeBytes { Array($0) })
        case .tensor(let source): try encode(source, tensor, as: type, write)
        }
    }

    private func encode(
        _ source: SourceTensor, _ tensor: PlannedTensor, as type: TensorType,
        _ write: ([UInt8]) throws(ModelFileError) -> Void
    ) throws(ModelFileError) {
        // A vector is a column where its elements are permuted.
        let width = tensor.shape.count == 1 && tensor.permutedHead > 1 ? 1 : tensor.shape[0]
        let rows = tensor.shape.reduce(1, *) / width
        let sourceRowBytes = width * source.type.unitBytes
        let rowBytes = width / type.unitSize * type.unitBytes
        let unit = tensor.permutedHead
        let piece = max(Self.pieceBytes / (sourceRowBytes * unit), 1) * unit
        for start in stride(from: 0, to: rows, by: piece) {
            let count = min(piece, rows - start)
            var out = [UInt8](repeating: 0, count: count * rowBytes)
            let failure = Locked<ModelFileError?>(nil)
            out.withUnsafeMutableBytes { buffer in
                pool.run { worker in
                    let share = worker.share(of: count, unit: unit)
                    guard !share.isEmpty else { return }
                    do throws(ModelFileError) {
                        var bytes = [UInt8](repeating: 0, count: share.count * sourceRowBytes)
                        try source.file.fill(&bytes, at: source.offset + (start + share.lowerBound) * sourceRowBytes)
                        let target = buffer.baseAddress! + share.lowerBound * rowBytes
                        guard Self.encode(bytes, source.type, width: width, share.count, tensor, type, target) else {
                            throw .bad(
                                source.fileName,
                                "tensor \(excerpt(source.name)) has a weight that is no number or too "
                                    + "large for \(type)")
                        }
                    } catch {
                        failure.withLock { $0 = $0 ?? error }
                    }
                }
            }
            if let error = failure.withLock({ $0 }) { throw error }
            try write(out)
        }
    }

    /// Encodes rows of `width` weights.
    /// - Returns: false if a weight does not fit the format.
    private static func encode(
        _ bytes: [UInt8], _ sourceType: TensorType, width: Int, _ rows: Int, _ tensor: PlannedTensor,
        _ type: TensorType, _ out: UnsafeMutableRawPointer
    ) -> Bool {
        let sourceRowBytes = width * sourceType.unitBytes
        let rowBytes = width / type.unitSize * type.unitBytes
        return bytes.withUnsafeBytes { bytes in
            withUnsafeTemporaryAllocation(of: Float.self, capacity: width) { floats in
                for row in 0..<rows {
                    let from = sourceRow(of: row, head: tensor.permutedHead)
                    dequantize(
                        UnsafeRawBufferPointer(rebasing: bytes[from * sourceRowBytes..<(from + 1) * sourceRowBytes]),
                        type: sourceType, inputs: width, into: floats)
                    if tensor.offset != 0 { for index in 0..<width { floats[index] += tensor.offset } }
                    guard WeightEncoder.encode(floats.baseAddress!, width, as: type, to: out + row * rowBytes) else {
                        return false
                    }
                }
                return true
            }
        }
    }

    /// Dimension i of a head's first half and of its second become neighbours.
    private static func sourceRow(of row: Int, head: Int) -> Int {
        guard head > 1 else { return row }
        let (start, place) = (row / head * head, row % head)
        return start + place % 2 * (head / 2) + place / 2
    }
}
