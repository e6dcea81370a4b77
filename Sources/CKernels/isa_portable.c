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

INLINE i32x16 dot_pairs(i32x16 acc, i16x32 weights, int32_t activations) {
    for (int i = 0; i < 32; i++) acc[i / 2] += weights[i] * (int16_t)((uint32_t)activations >> (i % 2 * 16));
    return acc;
}

INLINE u8x64 look_up(u8x64 indices) {
    for (int i = 0; i < 64; i++) indices[i] = iq4_table[indices[i]];
    return indices;
}

#define HAS_PAIRS 0
#define PAIRS_THAT_FIT(type) 0
#define NEEDS_OFFSET(type) is_signed(type)
#define KEEP(x)
#define TILE_ROWS(type) 4
#define ATTEND_SUMS 4
#define KERNELS spk_kernels_portable
#include "kernels.inc"
