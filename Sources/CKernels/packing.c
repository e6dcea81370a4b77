// From the file's layout to panels of 16 outputs, and back to floats.
#include "layout.h"
#include <string.h>

// Results must not depend on whether the target has fused multiply-adds.
#pragma STDC FP_CONTRACT OFF

// ---------------------------------------------------------------------------------------------------- scalars

float spk_f16_to_f32(uint16_t half) {
    const uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, mantissa = half & 1023;
    uint32_t bits;
    if (exponent == 31) {
        bits = sign | 0x7f800000 | mantissa << 13 | (mantissa ? 0x400000 : 0); // Makes a NaN quiet, as hardware does.
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
    if (bits < 0x38800000) {                      // Subnormal: let a float addition round it.
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

// ---------------------------------------------------------------------------------------------------- file layout

int32_t spk_unit_weights(spk_tensor_type type) { return is_float(type) ? 1 : span_of(type); }

/// Bytes of one group or super-block, as ggml lays it out.
static int32_t unit_bytes(spk_tensor_type type) {
    switch (type) {
    case SPK_F32: return 4;
    case SPK_F16:
    case SPK_BF16: return 2;
    case SPK_Q4_0:
    case SPK_IQ4_NL: return 18;
    case SPK_Q4_1: return 20;
    case SPK_Q5_0: return 22;
    case SPK_Q5_1: return 24;
    case SPK_Q8_0: return 34;
    case SPK_Q2_K: return 84;
    case SPK_Q3_K: return 110;
    case SPK_Q4_K: return 144;
    case SPK_Q5_K: return 176;
    case SPK_Q6_K: return 210;
    case SPK_IQ4_XS: return 136;
    case SPK_TOP5:
    case SPK_TOP6: break;
    }
    return 0;
}

size_t spk_row_bytes(spk_tensor_type type, int32_t inputs) {
    return (size_t)(inputs / spk_unit_weights(type)) * unit_bytes(type);
}

/// Reads the quants of group `group`, each at least 0, from one group or super-block of the file.
static void read_quants(spk_tensor_type type, const uint8_t *unit, int group, uint8_t q[GROUP]) {
    switch (type) {
    case SPK_Q4_0:
    case SPK_IQ4_NL:
    case SPK_Q4_1:
    case SPK_Q5_0:
    case SPK_Q5_1: {
        const bool five = high_bits(type) == 1;
        const uint8_t *nibbles = unit + (has_minimum(type) ? 4 : 2) + (five ? 4 : 0);
        for (int k = 0; k < 16; k++) q[k] = nibbles[k] & 15, q[k + 16] = nibbles[k] >> 4;
        if (!five) return;
        uint32_t fifth;
        memcpy(&fifth, nibbles - 4, 4);
        for (int k = 0; k < 32; k++) q[k] |= (fifth >> k & 1) << 4;
        return;
    }
    case SPK_Q8_0:
        for (int k = 0; k < 32; k++) q[k] = unit[2 + k] ^ 0x80;
        return;
    case SPK_Q2_K:
    case SPK_Q3_K: {
        const uint8_t *pairs = unit + (type == SPK_Q2_K ? 16 : 32) + group / 4 * 32;
        for (int k = 0; k < 32; k++) q[k] = pairs[k] >> (group % 4 * 2) & 3;
        if (type == SPK_Q3_K)
            for (int k = 0; k < 32; k++) q[k] |= (unit[k] >> group & 1) << 2;
        return;
    }
    case SPK_Q4_K:
    case SPK_Q5_K: {
        const uint8_t *nibbles = unit + (type == SPK_Q5_K ? 48 : 16) + group / 2 * 32;
        for (int k = 0; k < 32; k++) q[k] = nibbles[k] >> (group % 2 * 4) & 15;
        if (type == SPK_Q5_K)
            for (int k = 0; k < 32; k++) q[k] |= (unit[16 + k] >> group & 1) << 4;
        return;
    }
    case SPK_Q6_K: {
        const int half = group / 4, quarter = group % 4;
        const uint8_t *low = unit + half * 64 + quarter % 2 * 32, *high = unit + 128 + half * 32;
        for (int k = 0; k < 32; k++)
            q[k] = (low[k] >> (quarter / 2 * 4) & 15) | (high[k] >> (2 * quarter) & 3) << 4;
        return;
    }
    case SPK_IQ4_XS: {
        const uint8_t *nibbles = unit + 8 + group * 16;
        for (int k = 0; k < 16; k++) q[k] = nibbles[k] & 15, q[k + 16] = nibbles[k] >> 4;
        return;
    }
    default: return;
    }
}

/// The value of a quant, in units of its scale.
static int level(spk_tensor_type type, uint8_t q) {
    if (has_table(type)) return iq4_table[q] - 128;
    return has_minimum(type) ? q : q - (1 << (quant_bits(type) - 1));
}

/// The 16-bit scale and minimum of a group or super-block, and its integers: 16, 8, or one.
typedef struct {
    uint16_t scale, minimum;
    int8_t scales[16];
    uint8_t minimums[16];
} unit_scales;

static unit_scales read_scales(spk_tensor_type type, const uint8_t *unit) {
    unit_scales s = {.scales = {1}, .minimums = {1}};
    switch (type) {
    case SPK_Q2_K:
        s.scale = read_u16(unit + 80), s.minimum = read_u16(unit + 82);
        for (int i = 0; i < 16; i++) s.scales[i] = unit[i] & 15, s.minimums[i] = unit[i] >> 4;
        return s;
    case SPK_Q3_K:
        s.scale = read_u16(unit + 108);
        for (int i = 0; i < 16; i++) {
            const int low = unit[96 + i % 8] >> (i / 8 * 4) & 15, high = unit[104 + i % 4] >> (i / 4 * 2) & 3;
            s.scales[i] = (int8_t)((low | high << 4) - 32);
        }
        return s;
    case SPK_Q4_K:
    case SPK_Q5_K: {
        const uint8_t *packed = unit + 4;
        s.scale = read_u16(unit), s.minimum = read_u16(unit + 2);
        for (int i = 0; i < 4; i++) {
            s.scales[i] = packed[i] & 63;
            s.minimums[i] = packed[i + 4] & 63;
            s.scales[i + 4] = (packed[i + 8] & 15) | packed[i] >> 6 << 4;
            s.minimums[i + 4] = packed[i + 8] >> 4 | packed[i + 4] >> 6 << 4;
        }
        return s;
    }
    case SPK_Q6_K:
        s.scale = read_u16(unit + 208);
        memcpy(s.scales, unit + 192, 16);
        return s;
    case SPK_IQ4_XS:
        s.scale = read_u16(unit);
        for (int i = 0; i < 8; i++) {
            const int low = unit[4 + i / 2] >> (i % 2 * 4) & 15, high = read_u16(unit + 2) >> (2 * i) & 3;
            s.scales[i] = (int8_t)((low | high << 4) - 32);
        }
        return s;
    default:
        s.scale = read_u16(unit);
        if (has_minimum(type)) s.minimum = read_u16(unit + 2);
        return s;
    }
}

/// A group's weights as floats.
static void group_values(spk_tensor_type type, const unit_scales *s, int group, const uint8_t q[GROUP],
                         float values[GROUP]) {
    const float scale = spk_f16_to_f32(s->scale), minimum = spk_f16_to_f32(s->minimum);
    for (int k = 0; k < GROUP; k++) {
        const int part = (group * GROUP + k) / weights_per_scale(type);
        const float value = scale * (float)s->scales[part] * (float)level(type, q[k]);
        if (!has_minimum(type))
            values[k] = value;
        else
            values[k] = has_super_blocks(type) ? value - minimum * (float)s->minimums[part] : value + minimum;
    }
}

static void float_values(spk_tensor_type type, const uint8_t *from, int32_t count, float *values) {
    switch (type) {
    case SPK_F32: memcpy(values, from, (size_t)count * 4); return;
    case SPK_F16:
        for (int32_t i = 0; i < count; i++) values[i] = read_f16(from + (size_t)i * 2);
        return;
    default:
        for (int32_t i = 0; i < count; i++) {
            const uint32_t bits = (uint32_t)read_u16(from + (size_t)i * 2) << 16;
            memcpy(&values[i], &bits, 4);
        }
    }
}

void spk_dequantize_row(spk_tensor_type type, const uint8_t *row, int32_t inputs, float *values) {
    if (is_float(type)) return float_values(type, row, inputs, values);
    for (int32_t first = 0; first < inputs; first += span_of(type), row += unit_bytes(type)) {
        const unit_scales scales = read_scales(type, row);
        for (int group = 0; group < span_of(type) / GROUP; group++) {
            uint8_t q[GROUP];
            read_quants(type, row, group, q);
            group_values(type, &scales, group, q, values + first + group * GROUP);
        }
    }
}

// ---------------------------------------------------------------------------------------------------- panels

size_t spk_panel_bytes(spk_tensor_type type, int32_t inputs) {
    const size_t bytes = is_float(type) ? (size_t)inputs * SPK_LANES * (type == SPK_F32 ? 4 : 2)
                                        : main_bytes(type, inputs) + (size_t)(inputs / GROUP) * tail_bytes(type);
    return (bytes + 63) / 64 * 64;
}

/// Bits `from..<from + width` of quants 4i..<4i+4, one per byte.
static uint32_t quant_word(const uint8_t q[GROUP], int i, int from, int width) {
    uint32_t word;
    memcpy(&word, q + 4 * i, 4);
    return word >> from & ((1u << width) - 1) * 0x01010101u;
}

static void write_plane(const uint8_t q[GROUP], int from, int width, int lane, uint8_t *plane) {
    const int step = width == 4 ? 4 : 1, vectors = width; // A vector has 8 / width words, `step` words apart.
    for (int v = 0; v < vectors; v++) {
        const int first = width == 2 ? 4 * v : v;
        uint32_t word = 0;
        for (int i = 0; i < 8 / width; i++) word |= quant_word(q, first + i * step, from, width) << (i * width);
        memcpy(plane + v * 64 + lane * 4, &word, 4);
    }
}

static inline void write_quants(const spk_tensor_type type, const uint8_t q[GROUP], int lane, uint8_t *quants,
                                uint8_t *tail) {
    const int first = tail_bits(type);
    switch (low_bits(type)) { // With constants, the loops over a plane unroll: load time is spent here.
    case 8: write_plane(q, first, 8, lane, quants); break;
    case 4: write_plane(q, first, 4, lane, quants); break;
    case 2: write_plane(q, first, 2, lane, quants); break;
    }
    uint8_t *upper = quants + 64 * low_bits(type);
    if (high_bits(type) == 2) write_plane(q, first + low_bits(type), 2, lane, upper);
    if (high_bits(type) == 1) write_plane(q, first + low_bits(type), 1, lane, upper);
    if (first) write_plane(q, 0, 1, lane, tail);
}

static uint8_t read_plane(const uint8_t *plane, int width, int k, int lane) {
    const int i = k / 4, byte = lane * 4 + k % 4;
    switch (width) {
    case 8: return plane[i * 64 + byte];
    case 4: return plane[i % 4 * 64 + byte] >> (i / 4 * 4) & 15;
    case 2: return plane[i / 4 * 64 + byte] >> (i % 4 * 2) & 3;
    case 1: return plane[byte] >> i & 1;
    default: return 0;
    }
}

static uint8_t read_quant(spk_tensor_type type, const uint8_t *quants, const uint8_t *tail, int k, int lane) {
    const uint8_t low = read_plane(quants, low_bits(type), k, lane);
    const int upper = low | read_plane(quants + 64 * low_bits(type), high_bits(type), k, lane) << low_bits(type);
    return (uint8_t)(upper << tail_bits(type) | read_plane(tail, tail_bits(type), k, lane));
}

/// What is added to each number of INTEGER_SIXES when stored, so that none is negative.
static int six_bias(spk_tensor_type type) { return type == SPK_Q3_K ? 32 : 0; }

static void write_header(spk_tensor_type type, const unit_scales *s, int lane, uint8_t *header) {
    const int parts = SUPER_BLOCK / weights_per_scale(type);
    switch (integers_of(type)) {
    case NO_INTEGERS: break;
    case INTEGER_BYTES:
        for (int i = 0; i < parts; i++) header[i * 16 + lane] = (uint8_t)s->scales[i];
        break;
    case INTEGER_NIBBLES:
        for (int i = 0; i < parts; i++) header[i * 16 + lane] = (uint8_t)s->scales[i] | s->minimums[i] << 4;
        break;
    case INTEGER_SIXES:
        for (int i = 0; i < 16; i++) {
            const int number = i < parts ? s->scales[i] + six_bias(type) : s->minimums[i - parts];
            const int at = i % 4 * 16 + lane, set = i / 4;
            header[set % 2 * 64 + at] |= (number & 15) << (set / 2 * 4);
            header[128 + at] |= number >> 4 << (2 * set);
        }
        break;
    }
    write_u16(header + integer_bytes(type) + lane * 2, s->scale);
    if (has_minimum(type)) write_u16(header + integer_bytes(type) + 32 + lane * 2, s->minimum);
}

static unit_scales read_header(spk_tensor_type type, const uint8_t *header, int lane) {
    const int parts = SUPER_BLOCK / weights_per_scale(type);
    unit_scales s = {.scales = {1}, .minimums = {1}};
    switch (integers_of(type)) {
    case NO_INTEGERS: break;
    case INTEGER_BYTES:
        for (int i = 0; i < parts; i++) s.scales[i] = (int8_t)header[i * 16 + lane];
        break;
    case INTEGER_NIBBLES:
        for (int i = 0; i < parts; i++)
            s.scales[i] = header[i * 16 + lane] & 15, s.minimums[i] = header[i * 16 + lane] >> 4;
        break;
    case INTEGER_SIXES:
        for (int i = 0; i < 16; i++) {
            const int at = i % 4 * 16 + lane, set = i / 4;
            const int number = (header[set % 2 * 64 + at] >> (set / 2 * 4) & 15) | (header[128 + at] >> (2 * set) & 3) << 4;
            if (i < parts)
                s.scales[i] = (int8_t)(number - six_bias(type));
            else
                s.minimums[i - parts] = (uint8_t)number;
        }
        break;
    }
    s.scale = read_u16(header + integer_bytes(type) + lane * 2);
    if (has_minimum(type)) s.minimum = read_u16(header + integer_bytes(type) + 32 + lane * 2);
    return s;
}

static inline void pack_lane(const spk_tensor_type type, const uint8_t *row, int32_t inputs, int lane, uint8_t *panel) {
    if (is_float(type)) {
        const int width = type == SPK_F32 ? 4 : 2;
        for (int32_t i = 0; i < inputs; i++)
            memcpy(panel + ((size_t)i * 16 + lane) * width, row + (size_t)i * width, width);
        return;
    }
    uint8_t *tail = panel + main_bytes(type, inputs);
    for (int32_t first = 0; first < inputs; first += span_of(type), row += unit_bytes(type)) {
        const unit_scales scales = read_scales(type, row);
        write_header(type, &scales, lane, panel);
        panel += header_bytes(type);
        for (int group = 0; group < span_of(type) / GROUP; group++) {
            uint8_t q[GROUP];
            read_quants(type, row, group, q);
            write_quants(type, q, lane, panel, tail);
            panel += quant_bytes(type), tail += tail_bytes(type);
        }
    }
}

void spk_pack(spk_tensor_type type, const uint8_t *file, int32_t outputs, int32_t inputs, int32_t panel_begin,
              int32_t panel_end, uint8_t *packed) {
    const size_t row_bytes = spk_row_bytes(type, inputs), panel_bytes = spk_panel_bytes(type, inputs);
    for (int32_t p = panel_begin; p < panel_end; p++) {
        uint8_t *panel = packed + (size_t)p * panel_bytes;
        const uint8_t *rows = file + (size_t)p * 16 * row_bytes;
        const int lanes = outputs - p * 16 < 16 ? outputs - p * 16 : 16;
        memset(panel, 0, panel_bytes);
        for (int lane = 0; lane < lanes; lane++) {
            const uint8_t *row = rows + lane * row_bytes;
            switch (type) {
#define TYPE(t)                                                                                                        \
    case t: pack_lane(t, row, inputs, lane, panel); break;
                SPK_TYPES(TYPE)
#undef TYPE
            case SPK_TOP5:
            case SPK_TOP6: break;
            }
        }
    }
}

void spk_pack_top6(const spk_matrix *matrix, int32_t panel_begin, int32_t panel_end, uint8_t *packed) {
    const size_t panel_bytes = spk_panel_bytes(SPK_TOP6, matrix->inputs);
    for (int32_t p = panel_begin; p < panel_end; p++) {
        const uint8_t *from = matrix->data + (size_t)p * matrix->panel_bytes;
        uint8_t *to = packed + (size_t)p * panel_bytes;
        for (int32_t g = 0; g < matrix->inputs / GROUP; g++, from += span_bytes(SPK_Q8_0), to += span_bytes(SPK_TOP6)) {
            memcpy(to, from, header_bytes(SPK_TOP6));
            for (int lane = 0; lane < 16; lane++) {
                uint8_t q[GROUP];
                for (int k = 0; k < GROUP; k++)
                    q[k] = read_quant(SPK_Q8_0, from + header_bytes(SPK_Q8_0), NULL, k, lane) >> 2;
                write_quants(SPK_TOP6, q, lane, to + header_bytes(SPK_TOP6), NULL);
            }
        }
    }
}

bool spk_upper_bits_bound(const spk_matrix *matrix, int32_t panel_begin, int32_t panel_end) {
    const spk_tensor_type type = matrix->type;
    const uint16_t sign = type == SPK_Q6_K ? 0x8000 : 0; // The sign bit, where a scale may be negative.
    bool is_sound = true;
    for (int32_t p = panel_begin; p < panel_end; p++)
        for (int32_t span = 0; span < matrix->inputs / span_of(type); span++) {
            const uint8_t *header = matrix->data + (size_t)p * matrix->panel_bytes + (size_t)span * span_bytes(type);
            for (int lane = 0; lane < 16; lane++)
                is_sound &= (read_u16(header + integer_bytes(type) + lane * 2) & ~sign) < 0x7c00;
        }
    return is_sound;
}

void spk_unpack_row(const spk_matrix *matrix, int32_t output, float *values) {
    const spk_tensor_type type = matrix->type;
    const uint8_t *panel = matrix->data + (size_t)(output / 16) * matrix->panel_bytes;
    const int lane = output % 16;
    if (is_float(type)) {
        const int width = type == SPK_F32 ? 4 : 2;
        for (int32_t i = 0; i < matrix->inputs; i++)
            float_values(type, panel + ((size_t)i * 16 + lane) * width, 1, values + i);
        return;
    }
    const uint8_t *tail = panel + main_bytes(type, matrix->inputs);
    for (int32_t first = 0; first < matrix->inputs; first += span_of(type)) {
        const unit_scales scales = read_header(type, panel, lane);
        panel += header_bytes(type);
        for (int group = 0; group < span_of(type) / GROUP; group++) {
            uint8_t q[GROUP];
            for (int k = 0; k < GROUP; k++) q[k] = read_quant(type, panel, tail, k, lane);
            group_values(type, &scales, group, q, values + first + group * GROUP);
            panel += quant_bytes(type), tail += tail_bytes(type);
        }
    }
}

// ---------------------------------------------------------------------------------------------------- activations

static size_t row_blocks(int32_t rows) { return (size_t)(rows + SPK_ROW_BLOCK - 1) / SPK_ROW_BLOCK; }

spk_activations spk_activations_in(void *memory, int32_t rows, int32_t inputs, uint64_t readers) {
    const size_t n = row_blocks(rows) * SPK_ROW_BLOCK * inputs, slots = n / GROUP;
#define READ_BY(...) ((readers & (__VA_ARGS__)) != 0)
#define BIT(t) (1ull << SPK_##t)
    spk_activations a = {.inputs = inputs, .span = GROUP};
    if (READ_BY(BIT(Q2_K) | BIT(Q3_K) | BIT(Q4_K) | BIT(Q5_K) | BIT(Q6_K) | BIT(IQ4_XS) | BIT(TOP5))) a.span = SUPER_BLOCK;
    uint8_t *at = memory;
    a.q = (int8_t *)at, at += n;
    a.scale = (float *)at, at += slots * 4;
    if (READ_BY(BIT(Q4_1) | BIT(Q5_1))) a.sum = (float *)at, at += slots * 4;
    if (READ_BY(BIT(Q4_0) | BIT(Q5_0) | BIT(Q8_0) | BIT(IQ4_NL) | BIT(IQ4_XS) | BIT(TOP6)))
        a.offset = (int32_t *)at, at += slots * 4;
    if (READ_BY(BIT(Q3_K) | BIT(Q6_K) | BIT(TOP5))) a.half_offset = (int32_t *)at, at += slots * 8;
    if (READ_BY(BIT(Q4_K) | BIT(Q5_K))) a.pair_sums = (int32_t *)at, at += slots * 4;
    if (READ_BY(BIT(Q2_K))) a.half_sums = (int32_t *)at, at += slots * 4;
    if (READ_BY(BIT(TOP6))) a.rise = (int32_t *)at, at += slots * 4;
    if (READ_BY(BIT(TOP5))) a.half_rise = (int32_t *)at, at += slots * 16;
    if (READ_BY(BIT(F32) | BIT(F16) | BIT(BF16))) a.values = (float *)at;
#undef BIT
#undef READ_BY
    return a;
}

size_t spk_activations_bytes(int32_t rows, int32_t inputs) {
    const size_t n = row_blocks(rows) * SPK_ROW_BLOCK * inputs;
    return n * 5 + n / GROUP * 48;
}
