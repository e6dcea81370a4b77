// The only header between Swift and the vector kernels.
//
// Every kernel computes each output with one fixed sequence of IEEE operations: integer dot products, fused
// multiply-adds in a written order, no reassociation. A row's results are therefore bit-identical whatever the number
// of rows in the call, the split over threads and the instruction set.
#ifndef SPECULATE_CKERNELS_H
#define SPECULATE_CKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Outputs computed side by side, one per 32-bit lane.
#define SPK_LANES 16
/// Inputs per group of activations; every matrix has a multiple of this many inputs.
#define SPK_GROUP 32
/// The most query vectors per `attend` call.
#define SPK_MAX_QUERIES 6
/// Cells per stretch of a KV cache: attention sums within each stretch, then over the stretches.
#define SPK_STRETCH 512
/// Floats after the sums of a partial attention result: `greatest`, `total`, and padding that keeps the next one
/// aligned.
#define SPK_PARTIAL 16

/// Instruction sets, in rising order of preference on each architecture.
typedef enum {
    SPK_ISA_PORTABLE = 0,
    SPK_ISA_NEON = 1,
    SPK_ISA_AVX2 = 2,
    SPK_ISA_AVX2_VNNI = 3,
    SPK_ISA_AVX512 = 4,
} spk_isa;

/// Tensor types: those of GGUF, under its own numbers, and two that exist only in memory. A weight is
///     scale · (q − zero)              Q4_0 Q5_0 Q8_0, groups of 32
///     scale · q + minimum             Q4_1 Q5_1, groups of 32
///     scale · table[q]                IQ4_NL, groups of 32
///     scale · s · (q − zero)          Q3_K Q6_K (s for 16 weights), super-blocks of 256
///     scale · s · q − minimum · m     Q2_K (s, m for 16 weights), Q4_K Q5_K (for 32), super-blocks of 256
///     scale · s · table[q]            IQ4_XS (s for 32 weights), super-blocks of 256
/// where `scale` and `minimum` are 16-bit floats per group or super-block, and s and m are integers.
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
    SPK_TOP5 = 62, ///< Q6_K with its lowest bit in a separate plane: the same memory
    SPK_TOP6 = 63, ///< the upper 6 bits of Q8_0: see spk_pack_top6
} spk_tensor_type;

/// A weight matrix [outputs × inputs], cut into panels of 16 outputs that take at most 3 % more bytes than the file's
/// rows. A panel is a sequence of groups of 32 weights, or of super-blocks of 256: the scales of 16 outputs, then their
/// quants. The lowest bits of Q6_K follow at the panel's end. A product thus reads one stream from end to end. Panels
/// start on 64-byte boundaries; outputs are padded with zeros to a multiple of 16.
typedef struct {
    spk_tensor_type type;
    int32_t outputs;
    int32_t inputs;
    size_t panel_bytes;
    const uint8_t *data;
} spk_matrix;

/// Rows of activations that are stored interleaved; at most this many share one read of the weights.
#define SPK_ROW_BLOCK 8

/// Activations [rows × inputs], quantised to 8 bits: value ≈ scale · q. For each group of 32 inputs, eight rows are
/// stored side by side, so that a kernel finds all of them at constant offsets: see `spk_slot`. Arrays that no matrix
/// reads are NULL.
typedef struct {
    int32_t inputs;
    int32_t span;         ///< inputs that share a scale: 256 if a matrix of super-blocks reads them, else 32
    int8_t *q;            ///< [slots × 32]      rounded to −127…127
    float *scale;         ///< [slots]
    float *sum;           ///< [slots]           scale · Σ q over the group, for minimums
    int32_t *offset;      ///< [slots]           −128 · Σ q, for weights stored with 128 added
    int32_t *half_offset; ///< [slots × 2]       the same per half group
    int32_t *pair_sums;   ///< [slots]           of an even group: its Σ q and the next one's, 16 bits each
    int32_t *half_sums;   ///< [slots]           Σ q of both half groups, 16 bits each
    int32_t *rise;        ///< [slots]           3 · Σ max(q, 0): the most that two more bits per weight would add
    int32_t *half_rise;   ///< [slots × 4]       per half group: 4 · Σ max(q, 0) and 4 · Σ min(q, 0)
    float *values;        ///< [rows × inputs]   unquantised, row by row, for matrices kept as floats
} spk_activations;

/// The slot of group `group` of row `row`: [rows / 8][inputs / 32][8].
static inline size_t spk_slot(const spk_activations *a, int32_t row, int32_t group) {
    return ((size_t)(row / SPK_ROW_BLOCK) * (a->inputs / SPK_GROUP) + group) * SPK_ROW_BLOCK + row % SPK_ROW_BLOCK;
}

/// What a feed-forward network's gate is put through.
typedef enum {
    SPK_SILU = 0, ///< x · σ(x)
    SPK_GELU = 1, ///< x · (1 + tanh(√(2/π) · (x + 0.044715 x³))) / 2 (Hendrycks & Gimpel 2016)
} spk_gate;

/// Number formats of a KV cache.
typedef enum {
    SPK_KV_F16 = 0, ///< 16-bit floats, clamped to their finite range
    SPK_KV_Q8 = 1,  ///< scale · q: −127…127, one 16-bit scale per 32 dimensions (or fewer) of a cell
} spk_kv_type;

/// Keys and values of one head in one stretch of a sequence: for each, SPK_STRETCH / 16 runs of 16 cells,
/// `spk_kv_run_bytes` per run. A run holds keys as [head_dim][16], values as [16][head_dim], followed by the scales,
/// [head_dim / 32, rounded up][16].
typedef struct {
    spk_kv_type type;
    int32_t head_dim;
    uint8_t *keys;
    uint8_t *values;
} spk_cells;

/// One query vector of one head, and the KV cache cells it sees: all of `first..<prefix`, and cell `prefix + i` where
/// bit i of `mask` is set.
typedef struct {
    const float *query; ///< [head_dim], rotated
    /// [head_dim + SPK_PARTIAL]: Σ weight · value over a stretch, its greatest score (−∞ if no cell is seen), and Σ
    /// weight; a cell's weight is e^(scale · (score − greatest)).
    float *partial;
    int32_t first;
    int32_t prefix;
    uint64_t mask;
} spk_query;

typedef struct {
    /// output[row][o] = Σ_i weight[o][i] · activation[row][i] for all `rows` rows and the outputs of panels
    /// `panel_begin..<panel_end`; added to the present contents if `accumulate`. Rows of `output` are `output_stride`
    /// floats apart. `next`: what this thread reads after these panels (or NULL); its first bytes are prefetched, so
    /// that memory stays busy between two calls.
    void (*matmul)(const spk_matrix *matrix, const spk_activations *activations, int32_t rows, int32_t panel_begin,
                   int32_t panel_end, const void *next, float *output, size_t output_stride, bool accumulate);

    /// Quantises `x` [end − begin], columns `begin..<end` (multiples of `out->span`) of one row, into `out`.
    void (*quantize)(const float *x, int32_t begin, int32_t end, int32_t row, const spk_activations *out);

    /// y = x / √(mean(x²) + ε) · weight (Zhang & Sennrich 2019). `y` may be `x`.
    void (*rms_norm)(const float *x, const float *weight, int32_t count, float epsilon, float *y);

    /// gate = f(gate) · up (Shazeer 2020), both [end − begin]; quantised into columns `begin..<end` of a row of
    /// `out` unless it is NULL.
    void (*gate_quantize)(spk_gate kind, float *gate, const float *up, int32_t begin, int32_t end, int32_t row,
                          const spk_activations *out);

    /// Rotates one head in place (Su et al. 2021); `cosine`, `sine`: [rotated / 2]. Pairs are (2i, 2i+1) when
    /// `interleaved`, else (i, i + rotated/2).
    void (*rope)(float *head, int32_t rotated, const float *cosine, const float *sine, bool interleaved);

    /// Writes one head's key into a cell (0..<SPK_STRETCH) of its stretch, clamped to finite numbers.
    void (*store_key)(const float *key, const spk_cells *cells, int32_t cell);

    /// Writes one head's value, likewise.
    void (*store_value)(const float *value, const spk_cells *cells, int32_t cell);

    /// Softmax attention of 1 to SPK_MAX_QUERIES query vectors over cells `begin..<end` of one sequence, all in the
    /// stretch `cells`; `begin` is a multiple of 16. `next`: what this thread reads after these cells (or NULL).
    /// `scores`: scratch, [count × SPK_STRETCH].
    void (*attend)(const spk_query *queries, int32_t count, float scale, const spk_cells *cells, int32_t begin,
                   int32_t end, const void *next, float *scores);

    /// Adds a stretch's partial result to that of the stretches before it (Milakov & Gimelshein 2018).
    void (*merge)(const float *partial, int32_t head_dim, float scale, float *into);

    /// output = Σ weight · value / Σ weight. `output` may be `partial`.
    void (*finish)(const float *partial, int32_t head_dim, float *output);

    /// Writes to `reaching` which of the panels `panel_begin..<panel_end` have an output that is not below the
    /// threshold; returns how many.
    int32_t (*panels_reaching)(const float *outputs, float threshold, int32_t panel_begin, int32_t panel_end,
                               int32_t *reaching);

    /// The first index of the greatest value; NaN never is. `count` ≥ 1.
    int32_t (*argmax)(const float *x, int32_t count);

    /// weights[i] = exp((x[i] − greatest) · factor), `weights` may be `x`; partial_sums[b] = Σ weights[256b..<256(b+1)].
    void (*exponentials)(const float *x, int32_t count, float greatest, float factor, float *weights,
                         float *partial_sums);
} spk_kernels;

/// Tells the processor that this thread is spinning.
static inline void spk_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/// The kernels of one instruction set, or NULL if this build or this processor lacks it.
const spk_kernels *spk_kernels_for(spk_isa isa);

/// The best instruction set of this processor.
spk_isa spk_best_isa(void);

/// The name of an instruction set, for messages.
const char *spk_isa_name(spk_isa isa);

/// The most bytes that `rows` rows of activations with `inputs` inputs need, and the struct that lays them out in
/// `memory` for the matrices that will read them. `readers`: Σ 1 << type.
size_t spk_activations_bytes(int32_t rows, int32_t inputs);
spk_activations spk_activations_in(void *memory, int32_t rows, int32_t inputs, uint64_t readers);

/// Bytes of one panel of 16 outputs, a multiple of 64.
size_t spk_panel_bytes(spk_tensor_type type, int32_t inputs);
/// Weights that the file stores as a unit: a row's inputs are a multiple of it.
int32_t spk_unit_weights(spk_tensor_type type);
/// Bytes of one row of `inputs` weights in the file.
size_t spk_row_bytes(spk_tensor_type type, int32_t inputs);
/// Packs panels `panel_begin..<panel_end` of a file tensor [outputs × inputs] to `packed`, the start of the matrix.
void spk_pack(spk_tensor_type type, const uint8_t *file, int32_t outputs, int32_t inputs, int32_t panel_begin,
              int32_t panel_end, uint8_t *packed);
/// Packs panels `panel_begin..<panel_end` of a Q8_0 matrix again, without the lower two bits of its weights. A product
/// with the result is never less than the matrix's own, to the last bit of the float: every group's integer sum starts
/// with `rise`, the most that the missing bits can add, and everything after it (the conversion, the product with a
/// non-negative scale, the sum) is monotonic under rounding.
void spk_pack_top6(const spk_matrix *matrix, int32_t panel_begin, int32_t panel_end, uint8_t *packed);
/// Whether a product with the upper bits of these panels, of Q8_0 or Q6_K, is such a bound: it is not if a scale is not
/// finite, or if one of Q8_0 is negative. With Q6_K each half group starts with the most or the least that the missing
/// bits can add, depending on the signs of its two scales.
bool spk_upper_bits_bound(const spk_matrix *matrix, int32_t panel_begin, int32_t panel_end);
/// One output's weights as floats, read back from the packed matrix (an embedding row).
void spk_unpack_row(const spk_matrix *matrix, int32_t output, float *values);
/// One file row as floats, read directly (the reference that packing is tested against).
void spk_dequantize_row(spk_tensor_type type, const uint8_t *row, int32_t inputs, float *values);

/// Bytes of the keys of 16 cells, or of their values.
size_t spk_kv_run_bytes(spk_kv_type type, int32_t head_dim);
/// Copies one cell's key and value to another cell of the same or another stretch.
void spk_copy_cell(const spk_cells *from, int32_t source, const spk_cells *to, int32_t target);

float spk_f16_to_f32(uint16_t half);
uint16_t spk_f32_to_f16(float value);

#endif
