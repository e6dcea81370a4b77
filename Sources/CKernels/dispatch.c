// Which kernels this processor can run.
#include "CKernels.h"

extern const spk_kernels spk_kernels_portable;

#if defined(__x86_64__)
extern const spk_kernels spk_kernels_avx2, spk_kernels_avx2_vnni, spk_kernels_avx512;

static bool has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c") &&
           __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("lzcnt");
}

static bool has_avx512(void) {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vnni");
}

static bool has_avx_vnni(void) {
    // CPUID leaf 7, subleaf 1, EAX bit 4.
    uint32_t a = 7, b, c = 1, d;
    __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return has_avx2() && (a >> 4 & 1);
}
#elif defined(__aarch64__)
extern const spk_kernels spk_kernels_neon;
#if defined(__linux__)
#include <sys/auxv.h>
static bool has_dotprod(void) { return getauxval(AT_HWCAP) >> 20 & 1; } // HWCAP_ASIMDDP
#else
static bool has_dotprod(void) { return true; } // Every arm64 Mac has it.
#endif
#endif

const spk_kernels *spk_kernels_for(spk_isa isa) {
    switch (isa) {
    case SPK_ISA_PORTABLE: return &spk_kernels_portable;
#if defined(__x86_64__)
    case SPK_ISA_AVX2: return has_avx2() ? &spk_kernels_avx2 : NULL;
    case SPK_ISA_AVX2_VNNI: return has_avx_vnni() ? &spk_kernels_avx2_vnni : NULL;
    case SPK_ISA_AVX512: return has_avx512() ? &spk_kernels_avx512 : NULL;
#elif defined(__aarch64__)
    case SPK_ISA_NEON: return has_dotprod() ? &spk_kernels_neon : NULL;
#endif
    default: return NULL;
    }
}

spk_isa spk_best_isa(void) {
    for (int isa = SPK_ISA_AVX512; isa > SPK_ISA_PORTABLE; isa--)
        if (spk_kernels_for((spk_isa)isa)) return (spk_isa)isa;
    return SPK_ISA_PORTABLE;
}

const char *spk_isa_name(spk_isa isa) {
    switch (isa) {
    case SPK_ISA_PORTABLE: return "portable";
    case SPK_ISA_NEON: return "neon";
    case SPK_ISA_AVX2: return "avx2";
    case SPK_ISA_AVX2_VNNI: return "avx2-vnni";
    case SPK_ISA_AVX512: return "avx512";
    }
    return "unknown";
}
