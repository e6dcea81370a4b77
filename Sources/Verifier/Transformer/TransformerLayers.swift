import CKernels
import SpeculateShared

/// The weights of a transformer's layers, packed for the kernels.
package final class TransformerLayers {
    /// Plain pointers into the arena, so that a layer is copied without touching a reference count.
    struct Layer: BitwiseCopyable {
        var attentionNorm: UnsafePointer<Float>
        var query, key, value, output: spk_matrix
        var queryBias, keyBias, valueBias: UnsafePointer<Float>?
        var queryNorm, keyNorm: UnsafePointer<Float>?
        var feedForwardNorm: UnsafePointer<Float>
        var gate, up, down: spk_matrix
    }

    /// The types of the matrices that are multiplied with each kind of activations, a bit for each.
    struct Readers {
        var hidden, attention, feedForward: UInt64
    }

    private let layers: UnsafeMutablePointer<Layer>
    let count: Int
    private let arena: Arena

    /// - Throws: `CheckpointError` naming the tensor that is missing or misshapen.
    package init(_ loader: WeightLoader, _ config: TransformerConfig) throws(CheckpointError) {
        let hidden = config.hidden
        var layers: [Layer] = []
        for index in 0..<config.layers {
            let name = { (part: String) in "blk.\(index).\(part)" }
            layers.append(
                Layer(
                    attentionNorm: try loader.vector(name("attn_norm.weight"), count: hidden),
                    query: try loader.matrix(name("attn_q.weight"), inputs: hidden, outputs: config.queryWidth),
                    key: try loader.matrix(name("attn_k.weight"), inputs: hidden, outputs: config.kvWidth),
                    value: try loader.matrix(name("attn_v.weight"), inputs: hidden, outputs: config.kvWidth),
                    output: try loader.matrix(name("attn_output.weight"), inputs: config.queryWidth, outputs: hidden),
                    queryBias: try loader.optionalVector(name("attn_q.bias"), count: config.queryWidth),
                    keyBias: try loader.optionalVector(name("attn_k.bias"), count: config.kvWidth),
                    valueBias: try loader.optionalVector(name("attn_v.bias"), count: config.kvWidth),
                    queryNorm: try loader.optionalVector(name("attn_q_norm.weight"), count: config.headDimension),
                    keyNorm: try loader.optionalVector(name("attn_k_norm.weight"), count: config.headDimension),
                    feedForwardNorm: try loader.vector(name("ffn_norm.weight"), count: hidden),
                    gate: try loader.matrix(name("ffn_gate.weight"), inputs: hidden, outputs: config.feedForward),
                    up: try loader.matrix(name("ffn_up.weight"), inputs: hidden, outputs: config.feedForward),
                    down: try loader.matrix(name("ffn_down.weight"), inputs: config.feedForward, outputs: hidden)))
        }
        count = layers.count
        arena = loader.arena
        self.layers = .allocate(capacity: layers.count)
        self.layers.initialize(from: layers, count: layers.count)
    }

    deinit { layers.deallocate() }

    subscript(index: Int) -> Layer { layers[index] }

    /// - Parameter head: another matrix that is multiplied with hidden states.
    func readers(head: spk_matrix?) -> Readers {
        var readers = Readers(hidden: head?.reader ?? 0, attention: 0, feedForward: 0)
        for index in 0..<count {
            let layer = layers[index]
            for matrix in [layer.query, layer.key, layer.value, layer.gate, layer.up] {
                readers.hidden |= matrix.reader
            }
            readers.attention |= layer.output.reader
            readers.feedForward |= layer.down.reader
        }
        return readers
    }
}
