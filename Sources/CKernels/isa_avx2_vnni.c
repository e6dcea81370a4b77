// AVX2 with AVX-VNNI.
#include "vector.h"
#if defined(__x86_64__)
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,bmi,bmi2,lzcnt,prfchw,avxvnni"))), apply_to = function)

INLINE __m256i dot4(__m256i acc, __m256i weights, __m256i a) { return _mm256_dpbusd_avx_epi32(acc, weights, a); }

#define NEEDS_OFFSET(type) is_signed(type)
#define TILE_ROWS(type) 3
#define KERNELS spk_kernels_avx2_vnni
#include "isa_avx2.inc"

#pragma clang attribute pop
#endif
