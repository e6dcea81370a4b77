// Plain C for any processor, and the reference for the bits of all others.
#include "vector.h"

INLINE f32x16 load_f16(const uint16_t *p) {
    f32x16 v;
    for (int i = 0; i < 16; i++) v[i] = spk_f16_to_f32(p[i]);
    return v;
}

INLINE void store_f16(uint16_t *p, f32x16 v) {
    for (int i = 0; i < 16; i++) p[i] = spk_f32_to_f16(v[i]);
}

INLINE i32x16 dot_u7(i32x16 acc, u8x64 weights, uint32_t activations) {
    for (int i = 0; i < 64; i++) acc[i / 4] += (int32_t)weights[i] * (int8_t)(activations >> (i % 4 * 8));
    return acc;
}

INLINE i32x16 dot_s8(i32x16 acc, u8x64 weights, uint32_t activations) { return dot_u7(acc, weights, activations); }

#define NEEDS_OFFSET(packing) IS_S8(packing)
#define KEEP(x)
#define TILE_ROWS(packing) 4
#define ATTEND_SUMS 4
#define KERNELS spk_kernels_portable
#include "kernels.inc"
