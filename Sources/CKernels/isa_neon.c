// arm64 with the dot-product extension: four registers for the sixteen lanes.
#include "vector.h"
#if defined(__aarch64__)
#include <arm_neon.h>
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)

INLINE f32x16 load_f16(const uint16_t *p) {
    typedef __fp16 f16x16 __attribute__((vector_size(32)));
    f16x16 v;
    memcpy(&v, p, sizeof v);
    return __builtin_convertvector(v, f32x16);
}

INLINE void store_f16(uint16_t *p, f32x16 v) {
    typedef __fp16 f16x16 __attribute__((vector_size(32)));
    const f16x16 halves = __builtin_convertvector(v, f16x16);
    memcpy(p, &halves, sizeof halves);
}

#define QUARTER(v, i) __builtin_shufflevector(v, v, 4 * i, 4 * i + 1, 4 * i + 2, 4 * i + 3)

INLINE i32x16 dot_signed(i32x16 acc, u8x64 weights, uint32_t activations) {
    const int8x16_t a = vreinterpretq_s8_u32(vdupq_n_u32(activations));
    const i32x16 w = (i32x16)weights;
    const int32x4_t s0 = vdotq_s32((int32x4_t)QUARTER(acc, 0), (int8x16_t)QUARTER(w, 0), a);
    const int32x4_t s1 = vdotq_s32((int32x4_t)QUARTER(acc, 1), (int8x16_t)QUARTER(w, 1), a);
    const int32x4_t s2 = vdotq_s32((int32x4_t)QUARTER(acc, 2), (int8x16_t)QUARTER(w, 2), a);
    const int32x4_t s3 = vdotq_s32((int32x4_t)QUARTER(acc, 3), (int8x16_t)QUARTER(w, 3), a);
    typedef int32_t i32x4 __attribute__((vector_size(16)));
    typedef int32_t i32x8 __attribute__((vector_size(32)));
    const i32x8 low = __builtin_shufflevector((i32x4)s0, (i32x4)s1, 0, 1, 2, 3, 4, 5, 6, 7);
    const i32x8 high = __builtin_shufflevector((i32x4)s2, (i32x4)s3, 0, 1, 2, 3, 4, 5, 6, 7);
    return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

INLINE i32x16 dot_u7(i32x16 acc, u8x64 weights, uint32_t activations) { return dot_signed(acc, weights, activations); }
INLINE i32x16 dot_s8(i32x16 acc, u8x64 weights, uint32_t activations) {
    return dot_signed(acc, weights ^ 0x80, activations);
}

INLINE u8x64 look_up(u8x64 indices) {
    const uint8x16_t table = vld1q_u8(iq4_table);
    uint8_t bytes[64];
    memcpy(bytes, &indices, 64);
    UNROLL for (int i = 0; i < 64; i += 16) vst1q_u8(bytes + i, vqtbl1q_u8(table, vld1q_u8(bytes + i)));
    memcpy(&indices, bytes, 64);
    return indices;
}

#define NEEDS_OFFSET(type) false
#define KEEP(x)
#define TILE_ROWS(type) 3
#define ATTEND_SUMS 4
#define KERNELS spk_kernels_neon
#include "kernels.inc"

#pragma clang attribute pop
#endif
