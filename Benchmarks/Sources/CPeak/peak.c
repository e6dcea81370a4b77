#include "CPeak.h"

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx512f,avx512vnni"))) static uint64_t run(uint64_t count) {
    __m512i sum[16];
    const __m512i a = _mm512_set1_epi8(3);
    for (int i = 0; i < 16; i++) sum[i] = _mm512_setzero_si512();
    for (uint64_t n = 0; n < count; n++) {
#pragma clang loop unroll(full)
        for (int i = 0; i < 16; i++) {
            sum[i] = _mm512_dpbusd_epi32(sum[i], a, a);
            __asm__ volatile("" : "+v"(sum[i]));
        }
    }
    return count * 16 * 64;
}

uint64_t spk_peak(uint64_t count) { return __builtin_cpu_supports("avx512vnni") ? run(count) : 0; }
#else
uint64_t spk_peak(uint64_t count) { return 0; }
#endif
