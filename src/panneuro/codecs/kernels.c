/* The inner loops of the codec "panneuro.lattice-lpc"; docs/reference/codec-lattice-lpc.md says what
   they compute, reference.py computes the same in plain Python. Whatever decodes is integers only, and
   overflow wraps (compile with -fwrapv). Nothing is allocated and nothing is checked here: predictor.py,
   lattice.py and entropy.py do both before they call. */

#include <stdint.h>

#define MAX_TAPS 64
#define STEPS 16

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT
#endif
#if defined(__x86_64__) && defined(__linux__)
#define CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define CLONES EXPORT
#endif

/* `depth` rows of history are kept, a power of two above the longest lag. */
typedef struct {
    int64_t rows, channels, pad, depth;
    int32_t n_taps, n_near, bits, lag[MAX_TAPS], shift[MAX_TAPS];
} model;

#define STATES 8
#define PLACES 12
#define LOWEST (1u << 15)
#define MAX_BLOCK 1024

/* What one token does to a state, its division by the token's share as a multiplication. */
typedef struct {
    uint32_t most, reciprocal, bias;
    uint16_t complement, shift;
} symbol;

/* Code tokens, last first; words are written backwards from `end`. Returns how many. */
EXPORT int64_t encode(const uint8_t *tokens, int64_t rows, int64_t channels, int64_t block,
               const uint8_t *tables, const symbol *symbols, uint16_t *end, uint32_t *states)
{
    const int64_t n_blocks = (rows + block - 1) / block;
    uint16_t *p = end;
    uint32_t x[STATES];
    for (int l = 0; l < STATES; l++) x[l] = LOWEST;
    for (int64_t c = channels - 1; c >= 0; c--)
        for (int64_t b = n_blocks - 1; b >= 0; b--) {
            const symbol *table = symbols + tables[c * n_blocks + b] * 256;
            const uint8_t *from = tokens + c * rows + b * block;
            int64_t t = rows - b * block < block ? rows - b * block : block;
#define PUT(l)                                                                                     \
    {                                                                                              \
        const symbol *s = table + from[t + l];                                                     \
        uint32_t v = x[l];                                                                         \
        p[-1] = (uint16_t)v;                                                                       \
        const int full = v >= s->most;                                                             \
        p -= full;                                                                                 \
        v >>= full << 4;                                                                           \
        x[l] = v + s->bias + (uint32_t)((uint64_t)v * s->reciprocal >> 32 >> s->shift) * s->complement; \
    }
            const int over = (int)(t % STATES);
            t -= over;
            for (int l = over - 1; l >= 0; l--) PUT(l)
            while (t) {
                t -= STATES;
                for (int l = STATES - 1; l >= 0; l--) PUT(l)
            }
        }
    for (int l = 0; l < STATES; l++) states[l] = x[l];
    return end - p;
}

/* Whether a token tells of a number beyond those that have one of their own. */
static inline int beyond(const uint8_t *tokens, int64_t n, uint8_t most)
{
    uint8_t found = 0;
    for (int64_t t = 0; t < n; t++) found |= tokens[t] >= most;
    return found;
}

#define STEP(l, to)                                                                                \
    {                                                                                              \
        const uint32_t found = slot[x[l] & ((1 << PLACES) - 1)];                                   \
        tokens[to] = (uint8_t)found;                                                               \
        const uint32_t v = ((found >> 8 & ((1 << PLACES) - 1)) + 1) * (x[l] >> PLACES) + (found >> 20); \
        const uint32_t low = -(uint32_t)(v < LOWEST);                                              \
        x[l] = v << (low & 16) | (*p & low);                                                       \
        p -= (int32_t)low;                                                                         \
    }


/* Let blocks keep the scale of the one before where `exact` is near enough to it. */
EXPORT void follow(const double *exact, int64_t channels, int64_t blocks, double near, int64_t *scales)
{
    for (int64_t c = 0; c < channels; c++)
        for (int64_t b = 1; b < blocks; b++) {
            const int64_t at = c * blocks + b;
            const double apart = exact[at] - (double)scales[at - 1];
            if (apart < near && apart > -near) scales[at] = scales[at - 1];
        }
}

/* What a state finds in each of the 4096 slots of each table: the token, its share less one, and how
   far into its share the slot lies, in 8, 12 and 12 bits. */
EXPORT void spread(const uint16_t *shares, int64_t tables, int64_t tokens, uint32_t *slots)
{
    for (int64_t k = 0; k < tables; k++)
        for (int64_t i = 0; i < tokens; i++) {
            const uint32_t share = *shares++;
            for (uint32_t j = 0; j < share; j++)
                *slots++ = (uint32_t)i | (share - 1) << 8 | j << 20;
        }
}

#define SAMPLE int16_t
#define WORD int32_t
#define UWORD uint32_t
#define LANES 1
#define NAME(what) what##_16_1
#include "lanes.h"
#define LANES 8
#define NAME(what) what##_16_8
#include "lanes.h"
#define NAME(what) what##_16
#include "entropy.h"
#undef SAMPLE
#undef WORD
#undef UWORD

#if defined(__x86_64__) && defined(__GNUC__)
#include "pairs.h"
EXPORT int64_t paired(void) { return __builtin_cpu_supports("avx2") != 0; }
#else
EXPORT int64_t paired(void) { return 0; }
#endif

#define SAMPLE int32_t
#define WORD int64_t
#define UWORD uint64_t
#define LANES 1
#define NAME(what) what##_32_1
#include "lanes.h"
#define LANES 8
#define NAME(what) what##_32_8
#include "lanes.h"
#define NAME(what) what##_32
#include "entropy.h"

#define TABLES(SAMPLE, BITS)                                                                       \
    CLONES void mark_##BITS(const SAMPLE *samples, int64_t rows, int64_t channels, int64_t lowest, \
                            int64_t width, uint8_t *seen)                                          \
    {                                                                                              \
        for (int64_t t = 0; t < rows; t++)                                                         \
            for (int64_t c = 0; c < channels; c++)                                                 \
                seen[c * width + (samples[t * channels + c] - lowest)] = 1;                        \
    }                                                                                              \
    CLONES void translate_##BITS(const SAMPLE *samples, int64_t rows, int64_t channels,            \
                                 int64_t lowest, int64_t width, const SAMPLE *table, SAMPLE *into) \
    {                                                                                              \
        for (int64_t t = 0; t < rows; t++)                                                         \
            for (int64_t c = 0; c < channels; c++)                                                 \
                into[t * channels + c] = table[c * width + (samples[t * channels + c] - lowest)];  \
    }                                                                                              \
    CLONES void affine_##BITS(const SAMPLE *codes, int64_t rows, int64_t channels,                 \
                              const int64_t *steps, const int64_t *bases, SAMPLE *into)            \
    {                                                                                              \
        for (int64_t t = 0; t < rows; t++)                                                         \
            for (int64_t c = 0; c < channels; c++)                                                 \
                into[t * channels + c] =                                                           \
                    (SAMPLE)((steps[c] * (int64_t)codes[t * channels + c] + bases[c]) >> 20);      \
    }

TABLES(int16_t, 16)
TABLES(int32_t, 32)

/* Sums of products of every two taps of each channel, the sample itself as tap 0, over all runs.
   A run holds `before` rows that are only past, then `run` rows; values are small enough that the
   products of a run fit 32 bits. */
CLONES void moments(const int16_t *strips, int64_t channels, int64_t runs, int64_t before,
                    int64_t run, int64_t n_taps, const int64_t *starts, int64_t *sums)
{
    const int64_t width = before + run, strip = runs * width;
    for (int64_t c = 0; c < channels; c++)
        for (int64_t i = 0; i < n_taps; i++)
            for (int64_t j = i; j < n_taps; j++) {
                int64_t total = 0;
                for (int64_t r = 0; r < runs; r++) {
                    const int16_t *a = strips + starts[i] + c * strip + r * width;
                    const int16_t *b = strips + starts[j] + c * strip + r * width;
                    int32_t sum = 0;
                    for (int64_t t = 0; t < run; t++) sum += (int32_t)a[t] * (int32_t)b[t];
                    total += sum;
                }
                sums[(c * n_taps + i) * n_taps + j] = total;
                sums[(c * n_taps + j) * n_taps + i] = total;
            }
}
