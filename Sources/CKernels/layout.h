// What a panel of each tensor type looks like, and a block of a KV cache. All of it folds to constants where the type is one.
#ifndef SPECULATE_LAYOUT_H
#define SPECULATE_LAYOUT_H

#include "CKernels.h"

/// Every type of a file.
#define SPK_TYPES(apply)                                                                                               \
    apply(SPK_F32) apply(SPK_F16) apply(SPK_BF16) apply(SPK_Q4_0) apply(SPK_Q4_1) apply(SPK_Q5_0) apply(SPK_Q5_1)      \
        apply(SPK_Q8_0) apply(SPK_IQ4_NL) apply(SPK_Q2_K) apply(SPK_Q3_K) apply(SPK_Q4_K) apply(SPK_Q5_K)              \
            apply(SPK_Q6_K) apply(SPK_IQ4_XS)

/// Weights of a super-block, which share `scale`, and of the groups that quants are stored by.
#define SUPER_BLOCK 256
#define GROUP SPK_GROUP

static inline bool is_float(spk_tensor_type t) { return t == SPK_F32 || t == SPK_F16 || t == SPK_BF16; }

static inline bool has_super_blocks(spk_tensor_type t) {
    return (t >= SPK_Q2_K && t <= SPK_Q6_K) || t == SPK_IQ4_XS || t == SPK_TOP5;
}

/// Weights that share a scale.
static inline int span_of(spk_tensor_type t) { return has_super_blocks(t) ? SUPER_BLOCK : GROUP; }

/// Weights that share an integer scale within a super-block; 32 where there is none.
static inline int weights_per_scale(spk_tensor_type t) {
    return t == SPK_Q2_K || t == SPK_Q3_K || t == SPK_Q6_K || t == SPK_TOP5 ? 16 : 32;
}

static inline bool has_minimum(spk_tensor_type t) {
    return t == SPK_Q4_1 || t == SPK_Q5_1 || t == SPK_Q2_K || t == SPK_Q4_K || t == SPK_Q5_K;
}

/// Whether a quant is an index of `iq4_table`.
static inline bool has_table(spk_tensor_type t) { return t == SPK_IQ4_NL || t == SPK_IQ4_XS; }

/// A quant's bits stand in one plane of its group (8, 4 or 2 of them), or in two: these, and above them 2 or 1.
///
/// A plane is made of vectors of 64 bytes, four bytes for each of the 16 outputs. Of 8 bits: vector v has inputs
/// 4v..<4v+4. Of 4 bits: vector v has inputs 4v..<4v+4 in its lower, 16+4v..<16+4v+4 in its upper halves of bytes. Of 2
/// bits: bits 2i of vector v are inputs 16v+4i..<16v+4i+4. Of one bit: bit v is inputs 4v..<4v+4.
static inline int low_bits(spk_tensor_type t) {
    return t == SPK_Q8_0 ? 8 : t == SPK_Q2_K || t == SPK_Q3_K ? 2 : 4;
}

static inline int high_bits(spk_tensor_type t) {
    return t == SPK_TOP6 ? 2
           : t == SPK_Q3_K || t == SPK_Q5_0 || t == SPK_Q5_1 || t == SPK_Q5_K || t == SPK_Q6_K || t == SPK_TOP5 ? 1 : 0;
}

/// Below them, bits in a plane at the panel's end, which a product with the upper bits alone does not read.
static inline int tail_bits(spk_tensor_type t) { return t == SPK_Q6_K ? 1 : 0; }

static inline int quant_bits(spk_tensor_type t) { return low_bits(t) + high_bits(t) + tail_bits(t); }

/// The integers of a super-block's header, those of 16 outputs side by side.
typedef enum {
    NO_INTEGERS,
    INTEGER_BYTES,   ///< a byte for each scale
    INTEGER_NIBBLES, ///< a byte for each scale, in its upper half the minimum
    /// Sixteen numbers of six bits: scales, then minimums. Number 4j + i of output o is number j of byte 16i + o: lower
    /// four bits in two vectors of 64 bytes (j = 0, 1 in their lower halves, 2, 3 in their upper), upper two in a third.
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

/// A span's integers, its 16-bit scales and, if it has any, its 16-bit minimums.
static inline int header_bytes(spk_tensor_type t) { return integer_bytes(t) + 32 * (has_minimum(t) ? 2 : 1); }

/// The quants of 16 outputs' groups, without the tail.
static inline int quant_bytes(spk_tensor_type t) { return 64 * (low_bits(t) + high_bits(t)); }
static inline int tail_bytes(spk_tensor_type t) { return 64 * tail_bits(t); }

static inline int span_bytes(spk_tensor_type t) {
    return header_bytes(t) + span_of(t) / GROUP * quant_bytes(t);
}

/// A panel up to its tail.
static inline size_t main_bytes(spk_tensor_type t, int32_t inputs) {
    return (size_t)(inputs / span_of(t)) * span_bytes(t);
}

/// The levels of IQ4_NL and IQ4_XS, 128 added.
static const uint8_t iq4_table[16] = {1, 24, 45, 63, 79, 93, 106, 118, 129, 141, 153, 166, 181, 197, 217, 241};

/// Bytes of one number of a KV cache, and the scales that a cell's key or value has.
static inline int number_bytes(spk_kv_type type) { return type == SPK_KV_Q8 ? 1 : 2; }
static inline int scales_per_cell(spk_kv_type type, int32_t head_dim) {
    return type == SPK_KV_Q8 ? (head_dim + 31) / 32 : 0;
}

/// Sixteen cells' keys, or their values.
static inline size_t kv_block_bytes(spk_kv_type type, int32_t head_dim) {
    return (size_t)16 * (head_dim * number_bytes(type) + scales_per_cell(type, head_dim) * 2);
}

#endif
