// Where the numbers of a KV cache are stored: see spk_cells.
#include "layout.h"
#include <string.h>

size_t spk_kv_run_bytes(spk_kv_type type, int32_t head_dim) {
    return kv_run_bytes(type, head_dim);
}

void spk_copy_cell(const spk_cells *from, int32_t source, const spk_cells *to, int32_t target) {
    const size_t bytes = number_bytes(from->type), dim = (size_t)from->head_dim;
    const size_t run = kv_run_bytes(from->type, from->head_dim);
    const size_t source_run = (size_t)(source / 16) * run, target_run = (size_t)(target / 16) * run;
    const size_t a = (size_t)(source % 16), b = (size_t)(target % 16);
    const uint8_t *key = from->keys + source_run, *value = from->values + source_run;
    uint8_t *to_key = to->keys + target_run, *to_value = to->values + target_run;
    for (size_t d = 0; d < dim; d++) memcpy(to_key + (d * 16 + b) * bytes, key + (d * 16 + a) * bytes, bytes);
    memcpy(to_value + b * dim * bytes, value + a * dim * bytes, dim * bytes);
    for (size_t at = 16 * dim * bytes; at < run; at += 32) { // Scales.
        memcpy(to_key + at + b * 2, key + at + a * 2, 2);
        memcpy(to_value + at + b * 2, value + at + a * 2, 2);
    }
}
