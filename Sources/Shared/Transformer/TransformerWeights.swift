import CKernels

/// The weights of a transformer's layers, packed for the kernels.
package final class TransformerWeights {
    /// Plain pointers into the arena, so that a layer is copied without touching a reference count.
    struct Layer: BitwiseCopyable {
        /// Before attention and feed-forward; nil where hidden states go in as they are.
        var attentionNorm, feedForwardNorm: UnsafePointer<Float>?
        /// After them; nil where what comes out is added as it is.
        var attentionPostNorm, feedForwardPostNorm: UnsafePointer<Float>?
        var query, key, value, output: spk_matrix
        var queryBias, keyBias, valueBias, outputBias: UnsafePointer<Float>?
        /// [headDimension], or [all heads · headDimension] where they are normalised together.
        var queryNorm, keyNorm: UnsafePointer<Float>?
        /// Gives every expert a score; nil where there are none.
        var router: spk_matrix?
        /// All experts' rows one after the other, where there are experts.
        var gate, up, down: spk_matrix
        var gateBias, upBias, downBias: UnsafePointer<Float>?
        /// Around attention and around the feed-forward network.
        var attentionConvolution, feedForwardConvolution: Convolution?
    }

    /// The types of the matrices that are multiplied with each kind of activations, a bit for each.
    struct Readers {
        var hidden, attention, feedForward, experts: UInt64
    }

    private let layers: UnsafeMutablePointer<Layer>
    let count: Int
    private let arena: Arena

    /// - Throws: `CheckpointError` naming the tensor that is missing or misshapen.
    package init(_ loader: WeightLoader, _ config: TransformerConfig, _ family: ModelFamily) throws(CheckpointError) {
        var layers: [Layer] = []
        for index in 0..<config.layers { layers.append(try Layer(index, loader, config, family)) }
        count = layers.count
        arena = loader.arena
        self.layers = .allocate(capacity: layers.count)
        self.layers.initialize(from: layers, count: layers.count)
    }

    deinit { layers.deallocate() }

    subscript(index: Int) -> Layer { layers[index] }

    /// [hidden] What stands before a layer's attention; every family that reads other vectors there has it.
    package func attentionNorm(_ index: Int) -> UnsafePointer<Float> { layers[index].attentionNorm! }

    /// The types of the matrices that a layer's attention reads its rows with, a bit for each.
    package func attentionReaders(_ index: Int) -> UInt64 {
        let layer = layers[index]
        return layer.query.reader | layer.key.reader | layer.value.reader
    }

    /// Whether a layer's feed-forward network is x + down · (f(gate · norm(x)) ⊙ up · norm(x)) and nothing else.
    package func hasPlainFeedForward(_ index: Int) -> Bool {
        let layer = layers[index]
        return layer.router == nil && layer.feedForwardNorm != nil && layer.feedForwardPostNorm == nil
            && layer.feedForwardConvolution == nil && layer.gateBias == nil && layer.upBias == nil
            && layer.downBias == nil
    }

    /// A hash over the norms, which files keep as 32-bit floats in every quantisation: FNV-1a over the final norm, then
    /// each layer's attention and feed-forward norm.
    package func fingerprint(_ outputNorm: UnsafePointer<Float>, hidden: Int) -> UInt64 {
        var hash = FNV1a.hash("")
        let norms =
            [outputNorm]
            + (0..<count).flatMap { index in
                let layer = layers[index]
                return [
                    layer.attentionNorm ?? layer.attentionPostNorm!,
                    layer.feedForwardNorm ?? layer.feedForwardPostNorm!,
                ]
            }
        for norm in norms {
            let bytes = UnsafeRawBufferPointer(start: norm, count: hidden * MemoryLayout<Float>.stride)
            hash = FNV1a.hash(bytes.bindMemory(to: UInt8.self), after: hash)
        }
        return hash
    }

    /// - Parameter heads: other matrices that are multiplied with the final hidden states.
    func readers(heads: [spk_matrix]) -> Readers {
        var readers = Readers(hidden: heads.reduce(0) { $0 | $1.reader }, attention: 0, feedForward: 0, experts: 0)
        for index in 0..<count {
            let layer = layers[index]
            for matrix in [layer.query, layer.key, layer.value] { readers.hidden |= matrix.reader }
            if let router = layer.router {
                // The experts' rows are made of the values as they are.
                readers.hidden |= router.reader | 1 << UInt64(SPK_F32.rawValue)
                readers.experts |= layer.gate.reader | layer.up.reader
            } else {
                readers.hidden |= layer.gate.reader | layer.up.reader
            }
            for convolution in [layer.attentionConvolution, layer.feedForwardConvolution] {
                readers.hidden |= convolution?.projection.reader ?? 0
            }
            readers.attention |= layer.output.reader
            readers.feedForward |= layer.down.reader
        }
        return readers
    }
}
