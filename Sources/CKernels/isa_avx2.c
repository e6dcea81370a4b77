// AVX2 with FMA and F16C, without a dot-product instruction.
#include "vector.h"
#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,bmi,bmi2,lzcnt,prfchw"))), apply_to = function)

INLINE __m256i dot4(__m256i acc, __m256i weights, __m256i a) {
    const __m256i pairs = _mm256_maddubs_epi16(weights, a);
    return _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

#define KERNELS spk_kernels_avx2
#include "isa_avx2.inc"

#pragma clang attribute pop
#endif
