import CKernels

/// Reads tensors from a checkpoint, checks their shapes, and packs them for the kernels into one arena. A tensor that
/// nobody asked for is an error: the checkpoint would describe another model than the one computed.
package final class WeightLoader {
    package let arena: Arena
    private let checkpoint: Checkpoint
    private let pool: WorkerPool
    private var unused: Set<String>
    private let progress: ((Double) -> Void)?
    private var bytesTaken = 0
    private let byteCount: Int

    /// File bytes that a worker reads at once, so that they are packed while in its cache.
    private static let chunkBytes = 1 << 19

    /// - Parameter progress: called after each matrix with the fraction of the file's tensors that are packed.
    /// - Throws: `OutOfMemory` if the weights need more memory than is available, before allocating any.
    package init(
        _ checkpoint: Checkpoint, pool: WorkerPool, progress: ((Double) -> Void)? = nil
    ) throws(OutOfMemory) {
        self.checkpoint = checkpoint
        self.pool = pool
        self.progress = progress
        byteCount = checkpoint.tensors.reduce(0) { $0 + $1.byteCount }
        unused = Set(checkpoint.tensors.map(\.name))
        let bytes = checkpoint.tensors.reduce(0) { $0 + Self.arenaBytes($1) }
        try SystemMemory.check(needs: bytes)
        arena = try Arena(capacity: bytes, hugePages: true)
    }

    /// A weight matrix [outputs × inputs].
    /// - Throws: `CheckpointError` naming the tensor if it is missing or has another shape.
    package func matrix(_ name: String, inputs: Int, outputs: Int) throws(CheckpointError) -> spk_matrix {
        try matrix(try take(name, shape: [inputs, outputs]))
    }

    /// Matrices [count × outputs × inputs] as one, whose rows are theirs one after the other. `outputs` is a multiple
    /// of 16, so that each of them consists of whole panels.
    /// - Throws: `CheckpointError` naming the tensor if it is missing or has another shape.
    package func matrices(
        _ name: String, inputs: Int, outputs: Int, count: Int
    ) throws(CheckpointError) -> spk_matrix {
        let tensor = try take(name, shape: [inputs, outputs, count])
        guard tensor.rows <= Int(Int32.max) else {
            throw .tensor(name, "has \(tensor.rows) rows, expected at most \(Int32.max)")
        }
        return try matrix(tensor)
    }

    private func matrix(_ tensor: TensorInfo) throws(CheckpointError) -> spk_matrix {
        let (name, inputs, outputs) = (tensor.name, tensor.shape[0], tensor.rows)
        guard inputs % Int(SPK_GROUP) == 0 else {
            throw .tensor(name, "has \(inputs) inputs, expected a multiple of \(SPK_GROUP)")
        }
        let panelBytes = spk_panel_bytes(tensor.type.kernelType, Int32(inputs))
        let panels = (outputs + Int(SPK_LANES) - 1) / Int(SPK_LANES)
        let packed = arena.allocate(UInt8.self, count: panels * panelBytes)
        try read(tensor, panels: panels) { bytes, panels in
            // Passes addresses as if the whole matrix began at these panels.
            spk_pack(
                tensor.type.kernelType, bytes, Int32(outputs - panels.lowerBound * Int(SPK_LANES)), Int32(inputs), 0,
                Int32(panels.count), packed + panels.lowerBound * panelBytes)
        }
        progress?(Double(bytesTaken) / Double(byteCount))
        return spk_matrix(
            type: tensor.type.kernelType, outputs: Int32(outputs), inputs: Int32(inputs), panel_bytes: panelBytes,
            data: packed)
    }

    /// Reads a matrix's rows on all workers, some panels at a time, and calls `body` with the bytes.
    private func read(
        _ tensor: TensorInfo, panels: Int, _ body: (UnsafePointer<UInt8>, Range<Int>) -> Void
    ) throws(CheckpointError) {
        let panelBytes = tensor.byteCount / tensor.rows * Int(SPK_LANES)
        let most = max(1, Self.chunkBytes / panelBytes)
        let failure = Locked<CheckpointError?>(nil)
        pool.run { worker in
            let share = worker.share(of: panels)
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: most * panelBytes, alignment: 64)
            defer { buffer.deallocate() }
            for first in stride(from: share.lowerBound, to: share.upperBound, by: most) {
                let part = first..<min(first + most, share.upperBound)
                let start = first * panelBytes
                let bytes = UnsafeMutableRawBufferPointer(
                    rebasing: buffer[..<(min(part.upperBound * panelBytes, tensor.byteCount) - start)])
                do throws(CheckpointError) {
                    try checkpoint.read(tensor, from: start, into: bytes)
                } catch {
                    return failure.withLock { $0 = error }
                }
                body(bytes.baseAddress!.assumingMemoryBound(to: UInt8.self), part)
            }
        }
        if let failure = failure.withLock({ $0 }) { throw failure }
    }

    /// A vector of floats, such as a norm's weights or a bias.
    package func vector(_ name: String, count: Int) throws(CheckpointError) -> UnsafePointer<Float> {
        try floats(try take(name, shape: [count]))
    }

    /// Floats of any shape.
    package func table(_ name: String, shape: [Int]) throws(CheckpointError) -> UnsafePointer<Float> {
        try floats(try take(name, shape: shape))
    }

    /// A matrix with one output, as floats.
    package func row(_ name: String, count: Int) throws(CheckpointError) -> UnsafePointer<Float> {
        let isFlat = checkpoint.tensor(name)?.shape.count == 1
        return try floats(try take(name, shape: isFlat ? [count] : [count, 1]))
    }

    private func floats(_ tensor: TensorInfo) throws(CheckpointError) -> UnsafePointer<Float> {
        let count = tensor.count
        let floats = arena.allocate(Float.self, count: count)
        floats.update(from: try finite(tensor), count: count)
        return UnsafePointer(floats)
    }

    package func optionalVector(_ name: String, count: Int) throws(CheckpointError) -> UnsafePointer<Float>? {
        contains(name) ? try vector(name, count: count) : nil
    }

    /// What divides each rotation frequency, where the file has such a tensor.
    package func ropeFactors(_ name: String, _ rope: Rope) throws(CheckpointError) -> UnsafePointer<Float>? {
        guard let factors = try optionalVector(name, count: rope.dimensions / 2) else { return nil }
        if let wrong = (0..<rope.dimensions / 2).map({ factors[$0] }).first(where: { $0 <= 0 }) {
            throw .tensor(name, "holds \(wrong), expected more than 0")
        }
        return factors
    }

    /// A list of strictly ascending indices in `0..<limit`.
    package func indices(_ name: String, limit: Int) throws(CheckpointError) -> [Int32] {
        guard let tensor = checkpoint.tensor(name) else { throw .tensor(name, "is missing") }
        guard tensor.type == .i64, tensor.shape.count == 1 else {
            throw .tensor(name, "is \(tensor.type) of shape \(tensor.shape), expected I64 of one dimension")
        }
        unused.remove(name)
        let values = try checkpoint.bytes(of: tensor).withUnsafeBytes { bytes in
            (0..<tensor.count).map { Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 8, as: Int64.self)) }
        }
        if let wrong = values.first(where: { !(0..<Int64(limit)).contains($0) }) {
            throw .tensor(name, "holds \(wrong), expected 0 to \(limit - 1)")
        }
        if let wrong = zip(values, values.dropFirst()).first(where: { $0 >= $1 }) {
            throw .tensor(name, "holds \(wrong.1) after \(wrong.0), expected rising numbers")
        }
        return values.map { Int32($0) }
    }

    /// Floats of any shape for who keeps them outside the arena.
    package func numbers(_ name: String, shape: [Int]) throws(CheckpointError) -> [Float] {
        try finite(try take(name, shape: shape))
    }

    /// A matrix of few numbers that every token of every pass depends on, all of them finite.
    package func finiteMatrix(_ name: String, inputs: Int, outputs: Int) throws(CheckpointError) -> spk_matrix {
        let matrix = try matrix(name, inputs: inputs, outputs: outputs)
        if let tensor = checkpoint.tensor(name) { _ = try finite(tensor) }
        return matrix
    }

    private func finite(_ tensor: TensorInfo) throws(CheckpointError) -> [Float] {
        let values = try checkpoint.floats(of: tensor)
        if let wrong = values.first(where: { !$0.isFinite }) {
            throw .tensor(tensor.name, "holds \(wrong), expected finite numbers")
        }
        return values
    }

    /// Lists [count, K] of indices in `0..<count`, K being the file's, up to `most`.
    package func indexLists(_ name: String, count: Int, most: Int) throws(CheckpointError) -> [Int32] {
        guard let tensor = checkpoint.tensor(name) else { throw .tensor(name, "is missing") }
        guard tensor.type == .i32, tensor.shape.count == 2, tensor.shape[1] == count, 0 < tensor.shape[0],
            tensor.shape[0] <= most
        else {
            throw .tensor(
                name, "is \(tensor.type) of shape \(tensor.shape), expected I32 of 1 to \(most) for each of \(count)")
        }
        unused.remove(name)
        let values = try checkpoint.bytes(of: tensor).withUnsafeBytes { bytes in
            (0..<tensor.count).map { Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Int32.self)) }
        }
        if let wrong = values.first(where: { !(0..<Int32(count)).contains($0) }) {
            throw .tensor(name, "holds \(wrong), expected 0 to \(count - 1)")
        }
        return values
    }

    package func contains(_ name: String) -> Bool { checkpoint.tensor(name) != nil }

    /// - Throws: `CheckpointError` naming a tensor that was never read.
    package func finish() throws(CheckpointError) {
        guard let name = unused.min() else {
            progress?(1)
            return
        }
        throw .tensor(name, "is not part of the architecture that the metadata names, as far as this engine knows it")
    }

    private func take(_ name: String, shape: [Int]) throws(CheckpointError) -> TensorInfo {
        guard let tensor = checkpoint.tensor(name) else { throw .tensor(name, "is missing") }
        guard tensor.shape == shape else { throw .tensor(name, "has the shape \(tensor.shape), expected \(shape)") }
        guard !tensor.type.isIndex else { throw .tensor(name, "has type \(tensor.type), expected weights") }
        unused.remove(name)
        bytesTaken += tensor.byteCount
        return tensor
    }

    private static func arenaBytes(_ tensor: TensorInfo) -> Int {
        guard !tensor.type.isIndex else { return 0 }
        guard 2...3 ~= tensor.shape.count, tensor.shape[0] % Int(SPK_GROUP) == 0 else {
            return tensor.shape.count == 2 ? 0 : Arena.size(tensor.count * 4)
        }
        let panels = (tensor.rows + Int(SPK_LANES) - 1) / Int(SPK_LANES)
        let packed = panels * spk_panel_bytes(tensor.type.kernelType, Int32(tensor.shape[0]))
        return max(packed, Arena.size(tensor.rows <= Int(SPK_LANES) ? tensor.count * 4 : 0))
    }
}
