import CKernels

/// How a KV cache holds keys and values.
package enum KVFormat: String, Sendable, BitwiseCopyable {
    /// 16-bit floats.
    case f16
    /// 8-bit integers with a 16-bit scale for every 32 of a head's dimensions: little more than half the memory, and
    /// answers that may differ from those of `f16`.
    case q8

    var type: spk_kv_type { self == .f16 ? SPK_KV_F16 : SPK_KV_Q8 }

    /// Bytes of 16 cells' keys of one head, or of their values.
    func blockBytes(headDimension: Int) -> Int { spk_kv_block_bytes(type, Int32(headDimension)) }
}
