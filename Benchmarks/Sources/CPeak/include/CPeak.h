#include <stdint.h>
/// Runs `count` × 16 independent 8-bit dot-product instructions (64 multiply-adds each with AVX-512 VNNI) and returns
/// the multiply-adds done, or 0 where the processor lacks them.
uint64_t spk_peak(uint64_t count);

/// Reads `bytes` bytes (a multiple of 256) from end to end; the result depends on all of them.
uint64_t spk_read(const void *memory, uint64_t bytes);
