import CKernels

/// Takes tensors out of a checkpoint, checks their shapes, and packs them for the kernels into one arena. A tensor that
/// nobody asked for is an error: the model would be another than the one computed.
package final class WeightLoader {
    package let arena: Arena
    private let checkpoint: Checkpoint
    private let pool: WorkerPool
    private var unused: Set<String>

    package init(_ checkpoint: Checkpoint, pool: WorkerPool) {
        self.checkpoint = checkpoint
        self.pool = pool
        unused = Set(checkpoint.tensors.map(\.name))
        arena = Arena(capacity: checkpoint.tensors.reduce(0) { $0 + Self.arenaBytes($1) }, hugePages: true)
    }

    /// A weight matrix [outputs × inputs].
    /// - Throws: `CheckpointError` naming the tensor when it is missing or of another shape.
    package func matrix(_ name: String, inputs: Int, outputs: Int) throws(CheckpointError) -> spk_matrix {
        let tensor = try take(name, shape: [inputs, outputs])
        guard inputs % Int(SPK_GROUP) == 0 else {
            throw .tensor(name, "has \(inputs) inputs, expected a multiple of \(SPK_GROUP)")
        }
        let packing = spk_packing_of(tensor.type.kernelType)
        let panelBytes = spk_panel_bytes(packing, Int32(inputs))
        let panels = (outputs + Int(SPK_LANES) - 1) / Int(SPK_LANES)
        let packed = arena.allocate(UInt8.self, count: panels * panelBytes)
        let file = checkpoint.bytes(of: tensor).assumingMemoryBound(to: UInt8.self).baseAddress!
        pool.run { worker in
            let share = worker.share(of: panels)
            spk_pack(
                tensor.type.kernelType, file, Int32(outputs), Int32(inputs), Int32(share.lowerBound),
                Int32(share.upperBound), packed)
        }
        checkpoint.release(tensor)
        return spk_matrix(
            packing: packing, outputs: Int32(outputs), inputs: Int32(inputs), panel_bytes: panelBytes, data: packed)
    }

    /// A vector of floats, such as a norm's weights or a bias.
    package func vector(_ name: String, count: Int) throws(CheckpointError) -> UnsafePointer<Float> {
        let tensor = try take(name, shape: [count])
        let floats = arena.allocate(Float.self, count: count)
        let values = checkpoint.floats(of: tensor)
        if let wrong = values.first(where: { !$0.isFinite }) {
            throw .tensor(name, "holds \(wrong), expected finite numbers")
        }
        floats.update(from: values, count: count)
        return UnsafePointer(floats)
    }

    package func optionalVector(_ name: String, count: Int) throws(CheckpointError) -> UnsafePointer<Float>? {
        contains(name) ? try vector(name, count: count) : nil
    }

    package func contains(_ name: String) -> Bool { checkpoint.tensor(name) != nil }

    /// - Throws: `CheckpointError` naming a tensor that no one has taken.
    package func finish() throws(CheckpointError) {
        guard let name = unused.min() else { return }
        throw .tensor(name, "is not part of the architecture that the metadata names, as far as this engine knows it")
    }

    private func take(_ name: String, shape: [Int]) throws(CheckpointError) -> TensorInfo {
        guard let tensor = checkpoint.tensor(name) else { throw .tensor(name, "is missing") }
        guard tensor.shape == shape else { throw .tensor(name, "has the shape \(tensor.shape), expected \(shape)") }
        unused.remove(name)
        return tensor
    }

    private static func arenaBytes(_ tensor: TensorInfo) -> Int {
        guard tensor.shape.count == 2, tensor.shape[0] % Int(SPK_GROUP) == 0 else {
            return tensor.shape.count == 1 ? Arena.size(tensor.count * 4) : 0
        }
        let panels = (tensor.shape[1] + Int(SPK_LANES) - 1) / Int(SPK_LANES)
        return panels * spk_panel_bytes(spk_packing_of(tensor.type.kernelType), Int32(tensor.shape[0]))
    }
}
