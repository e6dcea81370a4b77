// From the file's blocks to panels of 16 outputs, and back to floats.
#include "CKernels.h"
#include <math.h>
#include <string.h>

// ---------------------------------------------------------------------------------------------------- scalars

float spk_f16_to_f32(uint16_t half) {
    const uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, mantissa = half & 1023;
    uint32_t bits;
    if (exponent == 31) {
        bits = sign | 0x7f800000 | mantissa << 13 | (mantissa ? 0x400000 : 0); // A NaN comes out quiet, as in hardware.
    } else if (exponent > 0) {
        bits = sign | (exponent + 112) << 23 | mantissa << 13;
    } else {
        const float tiny = (float)mantissa * 0x1p-24f;
        memcpy(&bits, &tiny, 4);
        bits |= sign;
    }
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

uint16_t spk_f32_to_f16(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    const uint16_t sign = bits >> 16 & 0x8000;
    bits &= 0x7fffffff;
    if (bits > 0x7f800000) return sign | 0x7e00 | (bits >> 13 & 0x3ff);
    if (bits >= 0x477ff000) return sign | 0x7c00; // Rounds to infinity.
    if (bits < 0x38800000) {                      // Subnormal: let a float addition do the rounding.
        float magnitude;
        memcpy(&magnitude, &bits, 4);
        const float shifted = magnitude + 0.5f;
        uint32_t rounded;
        memcpy(&rounded, &shifted, 4);
        return sign | (uint16_t)(rounded - 0x3f000000);
    }
    const uint32_t odd = bits >> 13 & 1;
    return sign | (uint16_t)((bits + 0xfff + odd - 0x38000000) >> 13);
}

static uint16_t read_u16(const uint8_t *p) {
    uint16_t v;
    memcpy(&v, p, 2);
    return v;
}

static float read_f16(const uint8_t *p) { return spk_f16_to_f32(read_u16(p)); }

static void write_u16(uint8_t *p, uint16_t v) { memcpy(p, &v, 2); }

// ---------------------------------------------------------------------------------------------------- file blocks

/// Weights and bytes of one block, as ggml lays them out.
static void block_shape(spk_tensor_type type, int32_t *weights, int32_t *bytes) {
    switch (type) {
    case SPK_F32: *weights = 1, *bytes = 4; return;
    case SPK_F16:
    case SPK_BF16: *weights = 1, *bytes = 2; return;
    case SPK_Q4_0: *weights = 32, *bytes = 18; return;
    case SPK_Q4_1: *weights = 32, *bytes = 20; return;
    case SPK_Q5_0: *weights = 32, *bytes = 22; return;
    case SPK_Q5_1: *weights = 32, *bytes = 24; return;
    case SPK_Q8_0: *weights = 32, *bytes = 34; return;
    case SPK_Q4_K: *weights = 256, *bytes = 144; return;
    case SPK_Q5_K: *weights = 256, *bytes = 176; return;
    case SPK_Q6_K: *weights = 256, *bytes = 210; return;
    }
}

size_t spk_row_bytes(spk_tensor_type type, int32_t inputs) {
    int32_t weights = 1, bytes = 0;
    block_shape(type, &weights, &bytes);
    return (size_t)(inputs / weights) * bytes;
}

/// The 6-bit scale and minimum of sub-block `i` of a Q4_K or Q5_K block.
static void k_scale(const uint8_t *packed, int i, int *scale, int *minimum) {
    if (i < 4) {
        *scale = packed[i] & 63;
        *minimum = packed[i + 4] & 63;
    } else {
        *scale = (packed[i + 4] & 15) | packed[i - 4] >> 6 << 4;
        *minimum = packed[i + 4] >> 4 | packed[i] >> 6 << 4;
    }
}

/// 32 weights of group `group` of a file row: weight k is scale[k / 16] · q[k] + minimum[k / 16].
/// Q8_0 gives q + 128 with a minimum of 0, which its packing takes as such.
static void read_group(spk_tensor_type type, const uint8_t *row, int32_t group, uint8_t q[32], float scale[2],
                       float minimum[2]) {
    switch (type) {
    case SPK_Q4_0:
    case SPK_Q4_1:
    case SPK_Q5_0:
    case SPK_Q5_1: {
        const bool five = type == SPK_Q5_0 || type == SPK_Q5_1, offset = type == SPK_Q4_1 || type == SPK_Q5_1;
        const uint8_t *block = row + (size_t)group * spk_row_bytes(type, 32);
        const uint8_t *nibbles = block + 2 + (offset ? 2 : 0) + (five ? 4 : 0);
        uint32_t fifth = 0;
        if (five) memcpy(&fifth, nibbles - 4, 4);
        for (int k = 0; k < 32; k++)
            q[k] = (k < 16 ? nibbles[k] & 15 : nibbles[k - 16] >> 4) | (fifth >> k & 1) << 4;
        scale[0] = scale[1] = read_f16(block);
        minimum[0] = minimum[1] = offset ? read_f16(block + 2) : scale[0] * (five ? -16.0f : -8.0f);
        return;
    }
    case SPK_Q8_0: {
        const uint8_t *block = row + (size_t)group * 34;
        for (int k = 0; k < 32; k++) q[k] = block[2 + k] ^ 0x80;
        scale[0] = scale[1] = read_f16(block);
        minimum[0] = minimum[1] = 0.0f;
        return;
    }
    case SPK_Q4_K:
    case SPK_Q5_K: {
        const bool five = type == SPK_Q5_K;
        const uint8_t *block = row + (size_t)(group / 8) * (five ? 176 : 144);
        const int i = group % 8;
        const uint8_t *fifth = block + 16, *nibbles = block + (five ? 48 : 16) + i / 2 * 32;
        for (int k = 0; k < 32; k++) {
            q[k] = i % 2 ? nibbles[k] >> 4 : nibbles[k] & 15;
            if (five) q[k] |= (fifth[k] >> i & 1) << 4;
        }
        int s, m;
        k_scale(block + 4, i, &s, &m);
        scale[0] = scale[1] = read_f16(block) * (float)s;
        minimum[0] = minimum[1] = -(read_f16(block + 2) * (float)m);
        return;
    }
    case SPK_Q6_K: {
        const uint8_t *block = row + (size_t)(group / 8) * 210;
        const int half = group % 8 / 4, quarter = group % 4;
        const uint8_t *low = block + half * 64 + quarter % 2 * 32, *high = block + 128 + half * 32;
        const int8_t *scales = (const int8_t *)block + 192 + half * 8 + quarter * 2;
        for (int k = 0; k < 32; k++)
            q[k] = (quarter < 2 ? low[k] & 15 : low[k] >> 4) | (high[k] >> (2 * quarter) & 3) << 4;
        for (int h = 0; h < 2; h++) {
            scale[h] = read_f16(block + 208) * (float)scales[h];
            minimum[h] = -32.0f * scale[h];
        }
        return;
    }
    default: return;
    }
}

void spk_dequantize_row(spk_tensor_type type, const uint8_t *row, int32_t inputs, float *values) {
    switch (type) {
    case SPK_F32: memcpy(values, row, (size_t)inputs * 4); return;
    case SPK_F16:
        for (int32_t i = 0; i < inputs; i++) values[i] = read_f16(row + (size_t)i * 2);
        return;
    case SPK_BF16:
        for (int32_t i = 0; i < inputs; i++) {
            const uint32_t bits = (uint32_t)read_u16(row + (size_t)i * 2) << 16;
            memcpy(&values[i], &bits, 4);
        }
        return;
    default:
        for (int32_t g = 0; g < inputs / 32; g++) {
            uint8_t q[32];
            float scale[2], minimum[2];
            read_group(type, row, g, q, scale, minimum);
            for (int k = 0; k < 32; k++)
                values[g * 32 + k] = type == SPK_Q8_0 ? scale[0] * (float)(q[k] - 128)
                                                      : scale[k / 16] * (float)q[k] + minimum[k / 16];
        }
    }
}

// ---------------------------------------------------------------------------------------------------- panels

spk_packing spk_packing_of(spk_tensor_type type) {
    switch (type) {
    case SPK_F32: return SPK_PACKED_F32;
    case SPK_F16: return SPK_PACKED_F16;
    case SPK_BF16: return SPK_PACKED_BF16;
    case SPK_Q4_0:
    case SPK_Q4_1: return SPK_PACKED_U4_F16;
    case SPK_Q8_0: return SPK_PACKED_S8_F16;
    case SPK_Q4_K: return SPK_PACKED_U4_F32;
    case SPK_Q6_K: return SPK_PACKED_U8_F32_G16;
    default: return SPK_PACKED_U8_F32;
    }
}

/// How a panel's groups are laid out: quants at 0, then pairs of bits, scales, minimums, as far as there are any.
typedef struct {
    bool nibbles, half_scales, minimums;
    int32_t per_scale;
    size_t pairs_at, scales_at, minimums_at, group_bytes, panel_bytes;
} panel_layout;

static panel_layout layout_of(spk_packing packing, int32_t inputs) {
    panel_layout l = {
        .nibbles = packing == SPK_PACKED_U4_F16 || packing == SPK_PACKED_U4_F32 || packing == SPK_PACKED_TOP6_F16,
        .half_scales =
            packing == SPK_PACKED_U4_F16 || packing == SPK_PACKED_S8_F16 || packing == SPK_PACKED_TOP6_F16,
        .minimums = packing != SPK_PACKED_S8_F16 && packing != SPK_PACKED_TOP6_F16,
        .per_scale = packing == SPK_PACKED_U8_F32_G16 ? 16 : 32,
    };
    if (packing >= SPK_PACKED_F32) {
        l.panel_bytes = (size_t)inputs * 16 * (packing == SPK_PACKED_F32 ? 4 : 2);
    } else {
        const size_t scales = 16 * (l.half_scales ? 2 : 4);
        l.pairs_at = (size_t)l.per_scale * (l.nibbles ? 8 : 16);
        l.scales_at = l.pairs_at + (packing == SPK_PACKED_TOP6_F16 ? 128 : 0);
        l.minimums_at = l.scales_at + scales;
        l.group_bytes = l.minimums_at + (l.minimums ? scales : 0);
        l.panel_bytes = (size_t)(inputs / l.per_scale) * l.group_bytes;
    }
    l.panel_bytes = (l.panel_bytes + 63) / 64 * 64;
    return l;
}

size_t spk_panel_bytes(spk_packing packing, int32_t inputs) { return layout_of(packing, inputs).panel_bytes; }

/// Quant k of lane `lane` in its group: 4 consecutive inputs of one output share a 32-bit lane; nibbles pair input k
/// with k + 16.
static size_t quant_at(bool nibbles, int k, int lane) {
    return (size_t)(nibbles ? k % 16 : k) / 4 * 64 + lane * 4 + k % 4;
}

static void write_scale(uint8_t *at, bool half, float value) {
    if (half)
        write_u16(at, spk_f32_to_f16(value));
    else
        memcpy(at, &value, 4);
}

static void pack_lane(spk_tensor_type type, const panel_layout *l, const uint8_t *row, int32_t inputs, int lane,
                      uint8_t *panel) {
    const int width = l->half_scales ? 2 : 4;
    for (int32_t g = 0; g < inputs / 32; g++) {
        uint8_t q[32];
        float scale[2], minimum[2];
        read_group(type, row, g, q, scale, minimum);
        for (int h = 0; h < 32 / l->per_scale; h++) {
            uint8_t *group = panel + (size_t)(g * (32 / l->per_scale) + h) * l->group_bytes;
            for (int k = 0; k < l->per_scale; k++) {
                uint8_t *at = group + quant_at(l->nibbles, k, lane);
                const uint8_t value = q[h * 16 + k];
                *at = l->nibbles && k >= 16 ? (uint8_t)(*at | value << 4) : value;
            }
            write_scale(group + l->scales_at + lane * width, l->half_scales, scale[h]);
            if (l->minimums) write_scale(group + l->minimums_at + lane * width, l->half_scales, minimum[h]);
        }
    }
}

/// The formats of small files, whose quants only need their 4-byte words transposed: load time is spent here.
static void pack_words(spk_tensor_type type, const panel_layout *l, const uint8_t *rows, size_t row_bytes,
                       int32_t inputs, uint8_t *panel) {
    const bool wide = type == SPK_Q8_0, offset = type == SPK_Q4_1;
    const int words = wide ? 8 : 4, header = offset ? 4 : 2;
    const uint32_t flip = wide ? 0x80808080 : 0;
    for (int32_t g = 0; g < inputs / 32; g++) {
        const uint8_t *block = rows + (size_t)g * (header + words * 4);
        uint8_t *quants = panel + (size_t)g * l->group_bytes;
        uint8_t *scales = quants + l->scales_at, *minimums = quants + l->minimums_at;
        for (int lane = 0; lane < 16; lane++, block += row_bytes) {
            memcpy(scales + lane * 2, block, 2);
            if (offset)
                memcpy(minimums + lane * 2, block + 2, 2);
            else if (!wide)
                write_u16(minimums + lane * 2, spk_f32_to_f16(read_f16(block) * -8.0f));
            for (int w = 0; w < words; w++) {
                uint32_t word;
                memcpy(&word, block + header + w * 4, 4);
                word ^= flip;
                memcpy(quants + w * 64 + lane * 4, &word, 4);
            }
        }
    }
}

void spk_pack(spk_tensor_type type, const uint8_t *file, int32_t outputs, int32_t inputs, int32_t panel_begin,
              int32_t panel_end, uint8_t *packed) {
    const panel_layout l = layout_of(spk_packing_of(type), inputs);
    const size_t row_bytes = spk_row_bytes(type, inputs);
    for (int32_t p = panel_begin; p < panel_end; p++) {
        uint8_t *panel = packed + (size_t)p * l.panel_bytes;
        const uint8_t *rows = file + (size_t)p * 16 * row_bytes;
        const int lanes = outputs - p * 16 < 16 ? outputs - p * 16 : 16;
        if (lanes == 16 && (type == SPK_Q4_0 || type == SPK_Q4_1 || type == SPK_Q8_0)) {
            pack_words(type, &l, rows, row_bytes, inputs, panel);
            continue;
        }
        memset(panel, 0, l.panel_bytes);
        for (int lane = 0; lane < lanes; lane++) {
            const uint8_t *row = rows + lane * row_bytes;
            if (type == SPK_F32 || type == SPK_F16 || type == SPK_BF16) {
                const int width = type == SPK_F32 ? 4 : 2;
                for (int32_t i = 0; i < inputs; i++) memcpy(panel + ((size_t)i * 16 + lane) * width, row + (size_t)i * width, width);
            } else {
                pack_lane(type, &l, row, inputs, lane, panel);
            }
        }
    }
}

bool spk_pack_top6(const spk_matrix *matrix, int32_t panel_begin, int32_t panel_end, uint8_t *packed) {
    const panel_layout from = layout_of(SPK_PACKED_S8_F16, matrix->inputs);
    const panel_layout to = layout_of(SPK_PACKED_TOP6_F16, matrix->inputs);
    bool sound = true;
    for (int32_t p = panel_begin; p < panel_end; p++) {
        for (int32_t g = 0; g < matrix->inputs / 32; g++) {
            const uint8_t *quants = matrix->data + (size_t)p * from.panel_bytes + (size_t)g * from.group_bytes;
            uint8_t *group = packed + (size_t)p * to.panel_bytes + (size_t)g * to.group_bytes;
            uint8_t pairs[128] = {0};
            for (int v = 0; v < 4; v++) {
                const uint8_t *low = quants + v * 64, *high = low + 256;
                for (int i = 0; i < 64; i++) {
                    group[v * 64 + i] = low[i] >> 4 | (high[i] & 0xf0);
                    pairs[i] |= (low[i] >> 2 & 3) << (2 * v);
                    pairs[64 + i] |= (high[i] >> 2 & 3) << (2 * v);
                }
            }
            memcpy(group + to.pairs_at, pairs, 128);
            memcpy(group + to.scales_at, quants + from.scales_at, 32);
            for (int lane = 0; lane < 16; lane++) sound &= read_u16(quants + from.scales_at + lane * 2) < 0x7c00;
        }
    }
    return sound;
}

void spk_unpack_row(const spk_matrix *matrix, int32_t output, float *values) {
    const panel_layout l = layout_of(matrix->packing, matrix->inputs);
    const uint8_t *panel = matrix->data + (size_t)(output / 16) * l.panel_bytes;
    const int lane = output % 16;
    if (matrix->packing >= SPK_PACKED_F32) {
        const spk_tensor_type type = matrix->packing == SPK_PACKED_F32   ? SPK_F32
                                     : matrix->packing == SPK_PACKED_F16 ? SPK_F16
                                                                         : SPK_BF16;
        const int width = type == SPK_F32 ? 4 : 2;
        for (int32_t i = 0; i < matrix->inputs; i++)
            spk_dequantize_row(type, panel + ((size_t)i * 16 + lane) * width, 1, values + i);
        return;
    }
    const int width = l.half_scales ? 2 : 4;
    for (int32_t g = 0; g < matrix->inputs / l.per_scale; g++) {
        const uint8_t *group = panel + (size_t)g * l.group_bytes;
        const uint8_t *at = group + l.scales_at + lane * width;
        float scale, minimum = 0.0f;
        if (l.half_scales) {
            scale = read_f16(at);
            if (l.minimums) minimum = read_f16(at + 32);
        } else {
            memcpy(&scale, at, 4);
            memcpy(&minimum, at + 64, 4);
        }
        for (int k = 0; k < l.per_scale; k++) {
            const uint8_t byte = group[quant_at(l.nibbles, k, lane)];
            const int q = !l.nibbles ? byte : k < 16 ? byte & 15 : byte >> 4;
            values[g * l.per_scale + k] = l.minimums ? scale * (float)q + minimum : scale * (float)(q - 128);
        }
    }
}

// ---------------------------------------------------------------------------------------------------- activations

static size_t row_blocks(int32_t rows) { return (size_t)(rows + SPK_ROW_BLOCK - 1) / SPK_ROW_BLOCK; }

spk_activations spk_activations_in(void *memory, int32_t rows, int32_t inputs, uint32_t readers) {
    const size_t n = row_blocks(rows) * SPK_ROW_BLOCK * inputs, slots = n / SPK_GROUP;
    uint8_t *at = memory;
    spk_activations a = {.inputs = inputs};
    a.q = (int8_t *)at, at += n;
    a.scale = (float *)at, at += slots * 4;
    a.sum = (float *)at, at += slots * 4;
    if (readers & 1 << SPK_PACKED_U8_F32_G16) a.half_sum = (float *)at;
    at += slots * 8;
    if (readers & (1 << SPK_PACKED_S8_F16 | 1 << SPK_PACKED_TOP6_F16)) a.offset = (int32_t *)at;
    at += slots * 4;
    if (readers & 1 << SPK_PACKED_TOP6_F16) a.rise = (int32_t *)at;
    at += slots * 4;
    if (readers >> SPK_PACKED_F32) a.values = (float *)at;
    return a;
}

size_t spk_activations_bytes(int32_t rows, int32_t inputs) {
    const size_t n = row_blocks(rows) * SPK_ROW_BLOCK * inputs;
    return n * 5 + n / SPK_GROUP * 24;
}
