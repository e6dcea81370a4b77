// The one header between Swift and the vector kernels.
//
// Every kernel computes each output with one fixed sequence of IEEE operations (integer dot products, fused
// multiply-adds in a written order, no reassociation). A row's numbers therefore have the same bits however many rows
// share the call, however the work is split over threads, and on whichever instruction set it runs.
#ifndef SPECULATE_CKERNELS_H
#define SPECULATE_CKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Outputs that are computed side by side, one in each 32-bit lane.
#define SPK_LANES 16
/// Inputs that activations are stored by; every matrix has a multiple of this many.
#define SPK_GROUP 32
/// Query vectors that one `attend` call serves at most.
#define SPK_MAX_QUERIES 6
/// Cells of a stretch of a KV cache: attention sums over each stretch by itself, then over the stretches.
#define SPK_STRETCH 512
/// Floats after the sums of an attention's partial result: `greatest` and `total`, and what keeps the next one aligned.
#define SPK_PARTIAL 16

/// Instruction sets in rising order of preference on their architecture.
typedef enum {
    SPK_ISA_PORTABLE = 0,
    SPK_ISA_NEON = 1,
    SPK_ISA_AVX2 = 2,
    SPK_ISA_AVX2_VNNI = 3,
    SPK_ISA_AVX512 = 4,
} spk_isa;

/// Types of a matrix: those of a GGUF file, with the format's own numbers, and two that only memory holds. A weight is
///     scale · (q − zero)              Q4_0 Q5_0 Q8_0, groups of 32
///     scale · q + minimum             Q4_1 Q5_1, groups of 32
///     scale · table[q]                IQ4_NL, groups of 32
///     scale · s · (q − zero)          Q3_K Q6_K (s for 16 weights), super-blocks of 256
///     scale · s · q − minimum · m     Q2_K (s, m for 16 weights), Q4_K Q5_K (for 32), super-blocks of 256
///     scale · s · table[q]            IQ4_XS (s for 32 weights), super-blocks of 256
/// with 16-bit floats `scale` and `minimum` for the group or super-block, and integers s and m.
typedef enum {
    SPK_F32 = 0,
    SPK_F16 = 1,
    SPK_Q4_0 = 2,
    SPK_Q4_1 = 3,
    SPK_Q5_0 = 6,
    SPK_Q5_1 = 7,
    SPK_Q8_0 = 8,
    SPK_Q2_K = 10,
    SPK_Q3_K = 11,
    SPK_Q4_K = 12,
    SPK_Q5_K = 13,
    SPK_Q6_K = 14,
    SPK_IQ4_NL = 20,
    SPK_IQ4_XS = 23,
    SPK_BF16 = 30,
    SPK_TOP5 = 62, ///< Q6_K without its lowest bits, which stand apart: the same memory
    SPK_TOP6 = 63, ///< the upper 6 bits of Q8_0: see spk_pack_top6
} spk_tensor_type;

/// A weight matrix [outputs × inputs], cut into panels of 16 outputs that take no more bytes than their file's rows, to
/// 3 %. A panel holds one group of 32 weights, or one super-block of 256, after the other: the scales of 16 outputs, then
/// their quants; the lowest bits of Q6_K come behind all of these. A product thus reads one stream from end to end. Panels
/// start on 64-byte boundaries; outputs are padded
/// to a multiple of 16 with zeros.
typedef struct {
    spk_tensor_type type;
    int32_t outputs;
    int32_t inputs;
    size_t panel_bytes;
    const uint8_t *data;
} spk_matrix;

/// Rows of activations that are stored interleaved, and the most that share one reading of the weights.
#define SPK_ROW_BLOCK 8

/// Activations [rows × inputs], quantised to 8 bits: value ≈ scale · q. The groups of 32 of eight rows stand side by
/// side, so that a kernel finds all of them at constant offsets: see `spk_slot`. What no matrix reads is NULL.
typedef struct {
    int32_t inputs;
    int32_t span;         ///< inputs that share a scale: 256 where a matrix of super-blocks reads them, else 32
    int8_t *q;            ///< [slots × 32]      rounded to −127…127
    float *scale;         ///< [slots]
    float *sum;           ///< [slots]           scale · Σ q over the group, for minimums
    int32_t *offset;      ///< [slots]           −128 · Σ q, for weights stored with 128 added
    int32_t *half_offset; ///< [slots × 2]       the same for each half group
    int32_t *pair_sums;   ///< [slots]           of an even group: Σ q of it and of the next, 16 bits each
    int32_t *half_sums;   ///< [slots]           Σ q of both half groups, 16 bits each
    int32_t *rise;        ///< [slots]           3 · Σ max(q, 0), the most that two more bits of every weight would add
    int32_t *half_rise;   ///< [slots × 4]       of each half group 4 · Σ max(q, 0), and 4 · Σ min(q, 0)
    float *values;        ///< [rows × inputs]   the numbers themselves, row after row, for matrices kept as floats
} spk_activations;

/// Where group `group` of row `row` stands: [rows / 8][inputs / 32][8].
static inline size_t spk_slot(const spk_activations *a, int32_t row, int32_t group) {
    return ((size_t)(row / SPK_ROW_BLOCK) * (a->inputs / SPK_GROUP) + group) * SPK_ROW_BLOCK + row % SPK_ROW_BLOCK;
}

/// How a KV cache holds its numbers.
typedef enum {
    SPK_KV_F16 = 0, ///< 16-bit floats, clamped to their finite range
    SPK_KV_Q8 = 1,  ///< scale · q: −127…127, a 16-bit scale for up to 32 dimensions of a cell
} spk_kv_type;

/// Keys and values of one head in one stretch of a sequence, each [SPK_STRETCH / 16] blocks of `spk_kv_block_bytes`. A
/// block has 16 cells: keys [head_dim][16], values [16][head_dim]; and behind them the scales [head_dim / 32, rounded up][16].
typedef struct {
    spk_kv_type type;
    int32_t head_dim;
    uint8_t *keys;
    uint8_t *values;
} spk_cells;

/// One query vector of one head, and the cells of its KV cache that it sees: all of `first..<prefix`, then cell
/// `prefix + i` where bit i of `mask` is set.
typedef struct {
    const float *query; ///< [head_dim], rotated
    /// [head_dim + SPK_PARTIAL]: Σ weight · value over a stretch, its greatest score (−∞ where no cell is seen), and
    /// Σ weight; a cell's weight is e^(scale · (score − greatest)).
    float *partial;
    int32_t first;
    int32_t prefix;
    uint64_t mask;
} spk_query;

typedef struct {
    /// output[row][o] = Σ_i weight[o][i] · activation[row][i] for all of `rows` rows and the outputs of panels
    /// `panel_begin..<panel_end`; added to what is there when `accumulate`. Rows of `output` are `output_stride` floats
    /// apart. `next` is what this thread reads after these panels (or NULL): its first bytes are fetched in time, so
    /// that memory never waits between two calls.
    void (*matmul)(const spk_matrix *matrix, const spk_activations *activations, int32_t rows, int32_t panel_begin,
                   int32_t panel_end, const void *next, float *output, size_t output_stride, bool accumulate);

    /// Quantises columns `begin..<end` (multiples of `out->span`) of one row, which are `x` [end − begin], into `out`.
    void (*quantize)(const float *x, int32_t begin, int32_t end, int32_t row, const spk_activations *out);

    /// y = x / √(mean(x²) + ε) · weight (Zhang & Sennrich 2019). `y` may be `x`.
    void (*rms_norm)(const float *x, const float *weight, int32_t count, float epsilon, float *y);

    /// gate = silu(gate) · up (Shazeer 2020), both [end − begin]; quantised into columns `begin..<end` of a row of `out` if
    /// it is not NULL.
    void (*swiglu_quantize)(float *gate, const float *up, int32_t begin, int32_t end, int32_t row,
                            const spk_activations *out);

    /// Rotates one head in place (Su et al. 2021); `cosine`, `sine`: [rotated / 2]. Pairs are (2i, 2i+1) when
    /// `interleaved`, else (i, i + rotated/2).
    void (*rope)(float *head, int32_t rotated, const float *cosine, const float *sine, bool interleaved);

    /// Writes one head's key into a cell, 0..<SPK_STRETCH of its stretch, as finite numbers.
    void (*store_key)(const float *key, const spk_cells *cells, int32_t cell);

    /// The same for a value.
    void (*store_value)(const float *value, const spk_cells *cells, int32_t cell);

    /// Softmax attention of 1 to SPK_MAX_QUERIES query vectors over cells `begin..<end` of one sequence, `begin` a
    /// multiple of 16 and all of them in the stretch `cells`. `next`: what this thread reads after these cells (or NULL).
    /// `scores`: scratch of `count` rows of SPK_STRETCH floats.
    void (*attend)(const spk_query *queries, int32_t count, float scale, const spk_cells *cells, int32_t begin,
                   int32_t end, const void *next, float *scores);

    /// Adds the partial result of a stretch to that of the stretches before it (Milakov & Gimelshein 2018).
    void (*merge)(const float *partial, int32_t head_dim, float scale, float *into);

    /// output = Σ weight · value / Σ weight. `output` may be `partial`.
    void (*finish)(const float *partial, int32_t head_dim, float *output);

    /// Writes to `reaching` which of the panels `panel_begin..<panel_end` have an output that is not below the threshold,
    /// and returns how many.
    int32_t (*panels_reaching)(const float *outputs, float threshold, int32_t panel_begin, int32_t panel_end,
                               int32_t *reaching);

    /// The first index of the greatest value; NaN is never the greatest. `count` ≥ 1.
    int32_t (*argmax)(const float *x, int32_t count);

    /// weights[i] = exp((x[i] − greatest) · factor), and block_sums[b] = Σ of weights[256b..<256(b+1)].
    void (*exponentials)(const float *x, int32_t count, float greatest, float factor, float *weights,
                         float *block_sums);
} spk_kernels;

/// Tells the processor that this thread spins.
static inline void spk_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/// The kernels of one instruction set, or NULL where this build or this processor lacks it.
const spk_kernels *spk_kernels_for(spk_isa isa);

/// The best instruction set of this processor.
spk_isa spk_best_isa(void);

/// The name of an instruction set, for messages.
const char *spk_isa_name(spk_isa isa);

/// Bytes that `rows` rows of activations with `inputs` inputs need at most, and the struct that lays them out in `memory`
/// for the matrices that will be multiplied with them. `readers`: 1 << type of each.
size_t spk_activations_bytes(int32_t rows, int32_t inputs);
spk_activations spk_activations_in(void *memory, int32_t rows, int32_t inputs, uint64_t readers);

/// Bytes of one panel of 16 outputs, a multiple of 64.
size_t spk_panel_bytes(spk_tensor_type type, int32_t inputs);
/// Weights that the file stores together: a row's inputs are a multiple of it.
int32_t spk_block_weights(spk_tensor_type type);
/// Bytes of one row of `inputs` weights in the file.
size_t spk_row_bytes(spk_tensor_type type, int32_t inputs);
/// Packs panels `panel_begin..<panel_end` of a file tensor [outputs × inputs] to `packed`, the start of the matrix.
void spk_pack(spk_tensor_type type, const uint8_t *file, int32_t outputs, int32_t inputs, int32_t panel_begin,
              int32_t panel_end, uint8_t *packed);
/// Packs panels `panel_begin..<panel_end` of a matrix of Q8_0 anew, without the lower two bits of its weights. A product
/// with what is left is never less than the matrix's own, to the last bit of the float: every group's integer sum starts
/// with `rise`, the most that the bits left out can add, and all that follows it (the conversion, the product with a scale
/// that is not negative, the sum) keeps the order of two numbers when it rounds.
void spk_pack_top6(const spk_matrix *matrix, int32_t panel_begin, int32_t panel_end, uint8_t *packed);
/// Whether a product with the upper bits of these panels, of Q8_0 or Q6_K, is such a bound: not where a scale is no finite
/// number, nor where one of Q8_0 is negative. With Q6_K each half group starts with the most or the least that the bits
/// left out can add, as the signs of its two scales ask for.
bool spk_upper_bits_bound(const spk_matrix *matrix, int32_t panel_begin, int32_t panel_end);
/// One output's weights as floats, read back from the packed matrix (an embedding's row).
void spk_unpack_row(const spk_matrix *matrix, int32_t output, float *values);
/// One file row as floats, straight from the file's blocks (the reference that packing is tested against).
void spk_dequantize_row(spk_tensor_type type, const uint8_t *row, int32_t inputs, float *values);

/// Bytes of 16 cells' keys, or of their values.
size_t spk_kv_block_bytes(spk_kv_type type, int32_t head_dim);
/// Copies the key and the value of one cell of a stretch to a cell of another, or of the same.
void spk_copy_cell(const spk_cells *from, int32_t source, const spk_cells *to, int32_t target);

float spk_f16_to_f32(uint16_t half);
uint16_t spk_f32_to_f16(float value);

#endif
