// AVX2 with FMA and F16C, without a dot-product instruction.
#include "vector.h"
#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,bmi,bmi2,lzcnt,prfchw"))), apply_to = function)

INLINE __m256i dot4(__m256i acc, __m256i weights, __m256i a) {
    const __m256i pairs = _mm256_maddubs_epi16(weights, a);
    return _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

#define HAS_PAIRS 1
// Quants are at most 15, 31 and 63, activations 127: 8 · 2 · 15 · 127, 4 · 2 · 31 · 127 and 2 · 2 · 63 · 127 are below
// 2¹⁵.
#define PAIRS_THAT_FIT(type)                                                                                           \
    (has_table(type) || quant_bits(type) == 8   ? 0                                                                    \
     : quant_bits(type) <= 4 ? 8                                                                                       \
                             : quant_bits(type) == 5 ? 4 : 2)
#define NEEDS_OFFSET(type) (is_signed(type) && PAIRS_THAT_FIT(type) != 0)
#define TILE_ROWS(type) (PAIRS_THAT_FIT(type) == 0 ? 8 : 5)
#define KERNELS spk_kernels_avx2
#include "isa_avx2.inc"

#pragma clang attribute pop
#endif
