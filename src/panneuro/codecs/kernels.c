/* The inner loops of the codec "panneuro.lattice-lpc"; docs/reference/codec-lattice-lpc.md says what
   they compute, reference.py computes the same in plain Python. Whatever decodes is integers only, and
   overflow wraps (compile with -fwrapv). Nothing is allocated and nothing is checked here: predictor.py,
   lattice.py and entropy.py do both before they call. */

#include <stdint.h>

#define MAX_TAPS 64
#define STEPS 16
#define WINDOW 256

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT
#endif
#if defined(__x86_64__) && defined(__linux__)
#define CLONED __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define CLONED
#endif
#define CLONES EXPORT CLONED

/* Changes whenever what kernels take does; native.py knows it too. */
EXPORT int64_t revision(void) { return 7; }

/* `depth` rows of history are kept, a power of two above the longest lag. */
typedef struct {
    int64_t rows, channels, pad, depth;
    int32_t n_taps, n_near, bits, lag[MAX_TAPS], shift[MAX_TAPS];
} model;

#define MAX_STATES 32
#define PLACES 12
#define LOWEST (1u << 15)
#define MAX_BLOCK 1024

/* What one token does to a state, its division by the token's share as a multiplication. */
typedef struct {
    uint32_t most, reciprocal, bias;
    uint16_t complement, shift;
} symbol;

static inline uint16_t *put(const symbol *s, uint16_t *p, uint32_t *state)
{
    uint32_t v = *state;
    p[-1] = (uint16_t)v;
    const int full = v > s->most;
    v >>= full << 4;
    *state = v + s->bias + (uint32_t)((uint64_t)v * s->reciprocal >> 32 >> s->shift) * s->complement;
    return p - full;
}

/* Take one token out of a state. */
#define TAKE(state, to)                                                                            \
    {                                                                                              \
        const uint32_t found = slot[state & ((1 << PLACES) - 1)];                                  \
        to = (uint8_t)found;                                                                       \
        const uint32_t v = ((found >> 8 & ((1 << PLACES) - 1)) + 1) * (state >> PLACES) + (found >> 20); \
        const uint32_t low = -(uint32_t)(v < LOWEST);                                              \
        state = v << (low & 16) | (*p & low);                                                      \
        p -= (int32_t)low;                                                                         \
    }

/* Take the tokens of a block out of the states `x`; returns where words go on. */
typedef const uint16_t *taking(const uint16_t *p, const uint32_t *slot, int64_t n, uint32_t *x,
                               uint8_t *tokens);

static const uint16_t *take_few(const uint16_t *p, const uint32_t *slot, int64_t n, uint32_t *x,
                                uint8_t *tokens)
{
    uint32_t s[8];
    int64_t t = 0;
    for (int l = 0; l < 8; l++) s[l] = x[l];
    for (; t + 8 <= n; t += 8) {
        uint8_t *to = tokens + t;
        TAKE(s[0], to[0]) TAKE(s[1], to[1]) TAKE(s[2], to[2]) TAKE(s[3], to[3])
        TAKE(s[4], to[4]) TAKE(s[5], to[5]) TAKE(s[6], to[6]) TAKE(s[7], to[7])
    }
    for (int l = 0; t + l < n; l++) TAKE(s[l], tokens[t + l])
    for (int l = 0; l < 8; l++) x[l] = s[l];
    return p;
}

static const uint16_t *take_many(const uint16_t *p, const uint32_t *slot, int64_t n, uint32_t *x,
                                 uint8_t *tokens)
{
    for (int64_t t = 0; t < n; t++) TAKE(x[t % MAX_STATES], tokens[t])
    return p;
}

#if defined(__x86_64__) && defined(__GNUC__)
#include "pairs.h"
#include "states.h"
EXPORT int64_t paired(void) { return __builtin_cpu_supports("avx2") != 0; }
#else
EXPORT int64_t paired(void) { return 0; }
#define take_wide take_many
#endif

static taking *taken(int64_t n_states)
{
    return n_states == 8 ? take_few : paired() ? take_wide : take_many;
}

/* Code tokens, last first; words are written backwards from `end`, and up to 8 more are overwritten.
   Returns how many. */
static int64_t encode(const uint8_t *tokens, int64_t rows, int64_t channels, int64_t block,
                      const uint8_t *tables, const symbol *symbols, uint16_t *end, uint32_t *states,
                      int64_t n_states)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (paired()) return encode_wide(tokens, rows, channels, block, tables, symbols, end, states, n_states);
#endif
    const int64_t n_blocks = (rows + block - 1) / block;
    uint16_t *p = end;
    for (int64_t l = 0; l < n_states; l++) states[l] = LOWEST;
    for (int64_t c = channels - 1; c >= 0; c--)
        for (int64_t b = n_blocks - 1; b >= 0; b--) {
            const symbol *table = symbols + tables[c * n_blocks + b] * 256;
            const uint8_t *from = tokens + c * rows + b * block;
            const int64_t n = rows - b * block < block ? rows - b * block : block;
            for (int64_t t = n - 1; t >= 0; t--) p = put(table + from[t], p, states + t % n_states);
        }
    return end - p;
}

/* Whether a token tells of a number beyond those that have one of their own. */
static inline int beyond(const uint8_t *tokens, int64_t n, uint8_t most)
{
    uint8_t found = 0;
    for (int64_t t = 0; t < n; t++) found |= tokens[t] >= most;
    return found;
}

/* Whether some bytes differ from others. */
CLONES int64_t differ(const uint8_t *a, const uint8_t *b, int64_t n)
{
    uint8_t apart = 0;
    for (int64_t i = 0; i < n; i++) apart |= a[i] ^ b[i];
    return apart;
}

/* How many of 4096 slots each token of a table has, as the specification says. */
static void share_out(const int16_t *levels, int64_t tokens, uint32_t *shares)
{
    int64_t ends[256], present[256], end = 0, count = 0, before = 0;
    for (int64_t i = 0; i < tokens; i++) {
        const int place = levels[i] > 0 ? levels[i] - 1 : 0;
        end += place < 16 ? place : (int64_t)(16 + (place & 15)) << ((place >> 4) - 1);
        count += levels[i] > 0;
        ends[i] = end, present[i] = count;
    }
    for (int64_t i = 0; i < tokens; i++) {
        const int64_t all = ends[i] * ((1 << PLACES) - count) / end + present[i];
        shares[i] = (uint32_t)(all - before);
        before = all;
    }
}

/* What a state finds in each of the 4096 slots of each table: the token, its share less one, and how
   far into its share the slot lies, in 8, 12 and 12 bits. */
EXPORT void spread(const int16_t *levels, int64_t tables, int64_t tokens, uint32_t *slots)
{
    uint32_t shares[256];
    for (int64_t k = 0; k < tables; k++) {
        share_out(levels + k * tokens, tokens, shares);
        for (int64_t i = 0; i < tokens; i++)
            for (uint32_t j = 0; j < shares[i]; j++)
                *slots++ = (uint32_t)i | (shares[i] - 1) << 8 | j << 20;
    }
}

/* What each token of each table does to a state. */
static void prepare(const int16_t *levels, int64_t tables, int64_t tokens, symbol *symbols)
{
    uint32_t shares[256], begin;
    for (int64_t k = 0; k < tables; k++) {
        share_out(levels + k * tokens, tokens, shares);
        begin = 0;
        for (int64_t i = 0; i < tokens; i++) {
            const uint32_t share = shares[i];
            symbol *s = symbols + k * 256 + i;
            s->most = (share << 19) - 1, s->complement = (uint16_t)((1 << PLACES) - share);
            s->reciprocal = ~0u, s->bias = begin + (1 << PLACES) - 1, s->shift = 0;
            if (share > 1) {
                const int length = 32 - __builtin_clz(share - 1);
                s->reciprocal = (uint32_t)((((uint64_t)1 << (31 + length)) + share - 1) / share);
                s->bias = begin, s->shift = (uint16_t)(length - 1);
            }
            begin += share;
        }
    }
}

#include "tables.h"

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
#include "predict.h"
#include "entropy.h"
#undef SAMPLE
#undef WORD
#undef UWORD

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
#include "predict.h"
#include "entropy.h"

/* Channels whose tables lie in a first cache together. */
#define BESIDE 16

#define TABLES(SAMPLE, BITS)                                                                       \
    CLONES void mark_##BITS(const SAMPLE *samples, int64_t rows, int64_t channels, int64_t lowest, \
                            int64_t width, uint8_t *seen)                                          \
    {                                                                                              \
        for (int64_t b = 0; b < channels; b += BESIDE)                                             \
            for (int64_t t = 0; t < rows; t++)                                                     \
                for (int64_t c = b; c < channels && c < b + BESIDE; c++)                           \
                    seen[c * width + (samples[t * channels + c] - lowest)] = 1;                    \
    }                                                                                              \
    CLONES void translate_##BITS(const SAMPLE *samples, int64_t rows, int64_t channels,            \
                                 int64_t lowest, int64_t width, const SAMPLE *table, SAMPLE *into) \
    {                                                                                              \
        for (int64_t b = 0; b < channels; b += BESIDE)                                             \
            for (int64_t t = 0; t < rows; t++)                                                     \
                for (int64_t c = b; c < channels && c < b + BESIDE; c++)                           \
                    into[t * channels + c] =                                                       \
                        table[c * width + (samples[t * channels + c] - lowest)];                   \
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

/* Whether some values of 16 bits leave out numbers in the middle of their range: `bins` is memory for a
   count of each number. */
static int leave_out(const int16_t *at, int64_t n, int64_t stride, double sparse, uint32_t *bins)
{
    int16_t least = at[0], most = at[0];
    for (int64_t t = 1; t < n; t++) {
        const int16_t v = at[t * stride];
        least = v < least ? v : least, most = v > most ? v : most;
    }
    memset(bins, 0, sizeof(uint32_t) * ((size_t)most - (size_t)least + 1));
    for (int64_t t = 0; t < n; t++) bins[at[t * stride] - least]++;
    const int64_t begin = n / 4, end = n - n / 4;
    int64_t before = 0, levels = 0, first = 0, last = 0;
    for (int64_t i = 0; before < end; before += bins[i++]) {
        if (!bins[i] || before + bins[i] <= begin) continue;
        if (!levels++) first = i;
        last = i;
    }
    const double width = (double)(last - first + 1);
    return width >= 4 && (double)levels < sparse * (width * -expm1(-(double)(end - begin) / width));
}

/* How many of some channels leave out numbers; the second half is looked at where one of the first does. */
EXPORT int64_t sparse(const int16_t *samples, int64_t rows, int64_t channels, int64_t apart,
                      const int64_t *chosen, int64_t n_chosen, double part, uint32_t *bins)
{
    const int64_t n = (rows + apart - 1) / apart;
    int64_t found = 0;
    for (int64_t k = 0; k < n_chosen && (found || k < (n_chosen + 1) / 2); k++)
        found += leave_out(samples + chosen[k], n, apart * channels, part, bins);
    return found;
}

/* Which channels have at most `few` levels (16, no more) which are at least `wide` apart; returns how many. */
EXPORT int64_t digital(const int16_t *samples, int64_t rows, int64_t channels, int64_t apart, int64_t few,
                       int64_t wide, uint8_t *found)
{
    int64_t count = 0;
    for (int64_t c = 0; c < channels; c++) {
        int16_t level[16], least = INT16_MAX, most = INT16_MIN;
        int64_t n = 0, t = c;
        for (; t < rows * channels; t += apart * channels) {
            int64_t at = 0;
            while (at < n && level[at] != samples[t]) at++;
            if (at < n) continue;
            if (n == few) break;
            level[n++] = samples[t];
            least = samples[t] < least ? samples[t] : least, most = samples[t] > most ? samples[t] : most;
        }
        count += found[c] = t >= rows * channels && most - least >= wide;
    }
    return count;
}

/* Sums of products of every two taps of each channel, the sample itself as tap 0, over all runs.
   A run holds `before` rows that are only past, then `run` rows; values are small enough that the
   products of a run fit 32 bits. */
CLONES void moments(const int16_t *strips, int64_t channels, int64_t runs, int64_t before,
                    int64_t run, int64_t n_taps, const int64_t *starts, double *sums)
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
                sums[(c * n_taps + i) * n_taps + j] = (double)total;
                sums[(c * n_taps + j) * n_taps + i] = (double)total;
            }
}

/* Least squares with what steadies it, for the first `n` of `all` taps: weights of every class from its
   sums of products, the sample itself first, by Cholesky's decomposition; and how much of each channel's
   power they explain. */
CLONES void solve(const double *class_sums, int64_t classes, const double *sums, int64_t channels,
                  int64_t all, int64_t n, double rows, double *weights, double *explained)
{
    const int64_t side = all + 1;
    double u[MAX_TAPS][MAX_TAPS], t[MAX_TAPS];
    for (int64_t g = 0; g < classes; g++) {
        const double *along = class_sums + g * side * side + 1, *cross = along + side;
        double *w = weights + g * n, trace = 0;
        for (int64_t i = 0; i < n; i++) trace += cross[i * side + i];
        for (int64_t i = 0; i < n; i++) {
            for (int64_t j = i; j < n; j++) u[i][j] = cross[i * side + j];
            u[i][i] += 1e-7 * trace / (double)n + 2e-3 * rows;
            w[i] = along[i];
        }
        for (int64_t i = 0; i < n; i++) {
            const double root = __builtin_sqrt(u[i][i]);
            for (int64_t j = i; j < n; j++) u[i][j] /= root;
            w[i] /= root;
            for (int64_t k = i + 1; k < n; k++) {
                const double by = u[i][k];
                for (int64_t j = k; j < n; j++) u[k][j] -= by * u[i][j];
                w[k] -= by * w[i];
            }
        }
        for (int64_t i = n - 1; i >= 0; i--) {
            for (int64_t j = i + 1; j < n; j++) w[i] -= u[i][j] * w[j];
            w[i] /= u[i][i];
        }
    }
    for (int64_t c = 0; c < channels; c++) {
        const double *along = sums + c * side * side + 1, *cross = along + side;
        const double *w = weights + c % classes * n;
        double sum = 0;
        for (int64_t j = 0; j < n; j++) t[j] = 2 * along[j];
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++) t[j] -= w[i] * cross[i * side + j];
        for (int64_t j = 0; j < n; j++) sum += t[j] * w[j];
        explained[c] = sum;
    }
}
