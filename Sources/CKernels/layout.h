// The layouts of a panel, per tensor type, and of the KV cache. Everything folds to constants if the type is one.
#ifndef SPECULATE_LAYOUT_H
#define SPECULATE_LAYOUT_H

#include "CKernels.h"

/// Every type found in a file.
#define SPK_TYPES(apply)                                                                                               \
    apply(SPK_F32) apply(SPK_F16) apply(SPK_BF16) apply(SPK_Q4_0) apply(SPK_Q4_1) apply(SPK_Q5_0) apply(SPK_Q5_1)      \
        apply(SPK_Q8_0) apply(SPK_IQ4_NL) apply(SPK_Q2_K) apply(SPK_Q3_K) apply(SPK_Q4_K) apply(SPK_Q5_K)              \
            apply(SPK_Q6_K) apply(SPK_IQ4_XS)

/// Weights per super-block, which share `scale`, and per group of stored quants.
#define SUPER_BLOCK 256
#define GROUP SPK_GROUP

static inline bool is_float(spk_tensor_type t) { return t == SPK_F32 || t == SPK_F16 || t == SPK_BF16; }

static inline bool has_super_blocks(spk_tensor_type t) {
    return (t >= SPK_Q2_K && t <= SPK_Q6_K) || t == SPK_IQ4_XS || t == SPK_TOP5;
}

/// Weights that share a scale.
static inline int span_of(spk_tensor_type t) { return has_super_blocks(t) ? SUPER_BLOCK : GROUP; }

/// Weights that share an integer scale within a super-block; 32 if there is none.
static inline int weights_per_scale(spk_tensor_type t) {
    return t == SPK_Q2_K || t == SPK_Q3_K || t == SPK_Q6_K || t == SPK_TOP5 ? 16 : 32;
}

static inline bool has_minimum(spk_tensor_type t) {
    return t == SPK_Q4_1 || t == SPK_Q5_1 || t == SPK_Q2_K || t == SPK_Q4_K || t == SPK_Q5_K;
}

/// Whether a quant is an index of `iq4_table`.
static inline bool has_table(spk_tensor_type t) { return t == SPK_IQ4_NL || t == SPK_IQ4_XS; }

/// The low bits of each quant, 8, 4 or 2, which form one plane of its group; any further bits, 2 or 1, form a second
/// plane.
///
/// A plane is a row of vectors of 64 bytes, four bytes per output. With 8 bits, vector v has inputs 4v..<4v+4. With 4
/// bits, vector v has inputs 4v..<4v+4 in the lower nibbles of its bytes, 16+4v..<16+4v+4 in the upper ones. With 2
/// bits, bits 2i of vector v are inputs 16v+4i..<16v+4i+4. With 1 bit, bit v is inputs 4v..<4v+4.
static inline int low_bits(spk_tensor_type t) {
    return t == SPK_Q8_0 ? 8 : t == SPK_Q2_K || t == SPK_Q3_K ? 2 : 4;
}

static inline int high_bits(spk_tensor_type t) {
    return t == SPK_TOP6 ? 2
           : t == SPK_Q3_K || t == SPK_Q5_0 || t == SPK_Q5_1 || t == SPK_Q5_K || t == SPK_Q6_K || t == SPK_TOP5 ? 1 : 0;
}

/// Bits below these, in a plane at the panel's end that a product with only the upper bits does not read.
static inline int tail_bits(spk_tensor_type t) { return t == SPK_Q6_K ? 1 : 0; }

static inline int quant_bits(spk_tensor_type t) { return low_bits(t) + high_bits(t) + tail_bits(t); }

/// The integers in a super-block's header, for 16 outputs side by side.
typedef enum {
    NO_INTEGERS,
    INTEGER_BYTES,   ///< one byte per scale
    INTEGER_NIBBLES, ///< one byte per pair: scale in the lower nibble, minimum in the upper
    /// Sixteen 6-bit numbers: scales, then minimums. Number 4j + i of output o is number j of byte 16i + o: the lower
    /// four bits in two vectors of 64 bytes (j = 0, 1 in their lower nibbles, 2, 3 in their upper), the upper two in a
    /// third.
    INTEGER_SIXES,
} integer_layout;

static inline integer_layout integers_of(spk_tensor_type t) {
    switch (t) {
    case SPK_Q2_K: return INTEGER_NIBBLES;
    case SPK_Q3_K:
    case SPK_Q4_K:
    case SPK_Q5_K: return INTEGER_SIXES;
    case SPK_Q6_K:
    case SPK_TOP5:
    case SPK_IQ4_XS: return INTEGER_BYTES;
    default: return NO_INTEGERS;
    }
}

static inline int integer_bytes(spk_tensor_type t) {
    return integers_of(t) == NO_INTEGERS     ? 0
           : integers_of(t) == INTEGER_SIXES ? 192
                                             : SUPER_BLOCK / weights_per_scale(t) * SPK_LANES;
}

/// A span's integers, its 16-bit scales and, if the type has any, its 16-bit minimums.
static inline int header_bytes(spk_tensor_type t) { return integer_bytes(t) + 32 * (has_minimum(t) ? 2 : 1); }

/// The quants of a group for 16 outputs, without the tail.
static inline int quant_bytes(spk_tensor_type t) { return 64 * (low_bits(t) + high_bits(t)); }
static inline int tail_bytes(spk_tensor_type t) { return 64 * tail_bits(t); }

static inline int span_bytes(spk_tensor_type t) {
    return header_bytes(t) + span_of(t) / GROUP * quant_bytes(t);
}

/// A panel without its tail.
static inline size_t main_bytes(spk_tensor_type t, int32_t inputs) {
    return (size_t)(inputs / span_of(t)) * span_bytes(t);
}

/// The levels of IQ4_NL and IQ4_XS, plus 128.
static const uint8_t iq4_table[16] = {1, 24, 45, 63, 79, 93, 106, 118, 129, 141, 153, 166, 181, 197, 217, 241};

/// Bytes per number of a KV cache, and scales per key or value of a cell.
static inline int number_bytes(spk_kv_type type) { return type == SPK_KV_Q8 ? 1 : 2; }
static inline int scales_per_cell(spk_kv_type type, int32_t head_dim) {
    return type == SPK_KV_Q8 ? (head_dim + 31) / 32 : 0;
}

/// Bytes of the keys of 16 cells, or of their values.
static inline size_t kv_run_bytes(spk_kv_type type, int32_t head_dim) {
    return (size_t)16 * (head_dim * number_bytes(type) + scales_per_cell(type, head_dim) * 2);
}

#endif
