import CKernels

/// How a KV cache holds the keys and values of the tokens read.
public enum KVCacheFormat: String, Sendable, CaseIterable, BitwiseCopyable {
    /// 16-bit floats.
    case f16
    /// 8-bit integers with a 16-bit scale for every 32 of a head's dimensions: little more than half the memory, and less to
    /// read where the context is long. Unlike threads, drafts or the instruction set, it changes answers, at no loss of
    /// likelihood that could be measured (Benchmarks/README.md).
    case q8

    var type: spk_kv_type { self == .f16 ? SPK_KV_F16 : SPK_KV_Q8 }

    /// Bytes of 16 cells' keys of one head, or of their values.
    package func runBytes(headDimension: Int) -> Int { spk_kv_run_bytes(type, Int32(headDimension)) }
}
