// AVX-512 with VNNI: one register for the sixteen lanes.
#include "vector.h"
#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push(                                                                                          \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c,bmi,bmi2,lzcnt,prfchw"))),      \
    apply_to = function)

INLINE f32x16 load_f16(const uint16_t *p) {
    return (f32x16)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}

INLINE void store_f16(uint16_t *p, f32x16 v) {
    _mm256_storeu_si256((__m256i *)p, _mm512_cvtps_ph((__m512)v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

INLINE i32x16 dot_u7(i32x16 acc, u8x64 weights, uint32_t activations) {
    return (i32x16)_mm512_dpbusd_epi32((__m512i)acc, (__m512i)weights, _mm512_set1_epi32((int)activations));
}

INLINE i32x16 dot_s8(i32x16 acc, u8x64 weights, uint32_t activations) { return dot_u7(acc, weights, activations); }

#define HAS_DOT_PAIRS
INLINE i32x16 dot_pairs(i32x16 acc, i16x32 weights, int32_t activations) {
    return (i32x16)_mm512_dpwssd_epi32((__m512i)acc, (__m512i)weights, _mm512_set1_epi32(activations));
}

INLINE u8x64 look_up(u8x64 indices) {
    const __m512i table = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)iq4_table));
    return (u8x64)_mm512_shuffle_epi8(table, (__m512i)indices);
}

#define NEEDS_OFFSET(type) is_signed(type)
#define KEEP(x) __asm__ volatile("" : "+v"(x))
#define TILE_ROWS(type) 8
#define ATTEND_SUMS 24
#define KERNELS spk_kernels_avx512
#include "kernels.inc"

#pragma clang attribute pop
#endif
