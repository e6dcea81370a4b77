// Plain C for any processor, and the bit-exact reference for all others. Written so that the compiler vectorises it for
// the build's baseline instruction set.
#include "vector.h"

typedef double f64x16 __attribute__((vector_size(128)));
typedef int64_t i64x16 __attribute__((vector_size(128)));

INLINE f32x16 load_f16(const uint16_t *p) {
    u16x16 halves;
    memcpy(&halves, p, sizeof halves);
    const u32x16 h = __builtin_convertvector(halves, u32x16), magnitude = (h & 0x7fff) << 13;
    // A half's exponent bias is smaller by 112, also for subnormals. ∞ and NaN have the greatest exponent.
    u32x16 bits = (u32x16)((f32x16)magnitude * 0x1p112f);
    bits |= (u32x16)(magnitude >= 0x0f800000) & 0x7f800000;
    bits |= (u32x16)(magnitude > 0x0f800000) & 0x00400000; // Makes a NaN quiet, as hardware does.
    return (f32x16)(bits | (h & 0x8000) << 16);
}

INLINE void store_f16(uint16_t *p, f32x16 v) {
    for (int i = 0; i < 16; i++) p[i] = spk_f32_to_f16(v[i]);
}

/// c = a · b + c rounded once, on processors that may have no instruction for it. The product is exact in 64 bits; the
/// sum is rounded to odd there, so that no double rounding can occur (Boldo & Melquiond 2008). Not inlined: its callers
/// would take too long to compile, and the call costs little.
static __attribute__((noinline)) void fuse(const f32x16 *a, const f32x16 *b, f32x16 *c) {
#pragma STDC FP_CONTRACT OFF
    const f64x16 product = __builtin_convertvector(*a, f64x16) * __builtin_convertvector(*b, f64x16);
    const f64x16 addend = __builtin_convertvector(*c, f64x16), sum = product + addend;
    const f64x16 back = sum - product, rest = (product - (sum - back)) + (addend - back);
    const i64x16 bits = (i64x16)sum;
    const i64x16 grows = (rest > 0.0) == (sum > 0.0); // Whether the exact sum has the greater magnitude.
    const i64x16 odd = bits + ((grows & 1) | (~grows & -1));
    const i64x16 chosen = ((rest > 0.0) | (rest < 0.0)) & ((bits & 1) == 0); // Inexact, and even.
    *c = __builtin_convertvector((f64x16)((chosen & odd) | (~chosen & bits)), f32x16);
}

INLINE f32x16 fma16(f32x16 a, f32x16 b, f32x16 c) {
    fuse(&a, &b, &c);
    return c;
}
#define HAS_FMA16

INLINE i32x16 dot_u7(i32x16 acc, u8x64 weights, uint32_t activations) {
    const i32x16 w = (i32x16)weights;
    for (int i = 0; i < 4; i++) acc += (w >> (8 * i) & 255) * (int32_t)(int8_t)(activations >> (8 * i));
    return acc;
}

INLINE i32x16 dot_s8(i32x16 acc, u8x64 weights, uint32_t activations) { return dot_u7(acc, weights, activations); }

INLINE u8x64 look_up(u8x64 indices) {
    u8x64 found = {0};
    UNROLL for (int i = 0; i < 16; i++) found |= (u8x64)(indices == (uint8_t)i) & iq4_table[i];
    return found;
}

#define NEEDS_OFFSET(type) is_signed(type)
#define KEEP(x)
#define TILE_ROWS(type) 2
#define ATTEND_SUMS 4
#define KERNELS spk_kernels_portable
#include "kernels.inc"
