#include "CPeak.h"

uint64_t spk_read(const void *memory, uint64_t bytes) {
    typedef uint64_t lanes __attribute__((vector_size(64)));
    const lanes *p = memory;
    lanes sum[4] = {0};
    for (uint64_t i = 0; i < bytes / 256; i++)
        for (int j = 0; j < 4; j++) sum[j] ^= p[i * 4 + j];
    const lanes all = sum[0] ^ sum[1] ^ sum[2] ^ sum[3];
    uint64_t result = 0;
    for (int i = 0; i < 8; i++) result ^= all[i];
    return result;
}

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
