/* The inner loops of the codec "panneuro.lattice-lpc"; docs/reference/codec-lattice-lpc.md says what
   they compute, reference.py computes the same in plain Python. Integers only, overflow wraps
   (compile with -fwrapv). Nothing is allocated and nothing is checked here: predictor.py and
   lattice.py do both before they call. */

#include <stdint.h>

#define MAX_TAPS 64

#if defined(__x86_64__) && defined(__linux__)
#define CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#elif defined(_WIN32)
#define CLONES __declspec(dllexport)
#else
#define CLONES
#endif

typedef struct {
    int64_t rows, channels, pad, depth;
    int32_t n_taps, n_near, bits, lag[MAX_TAPS], shift[MAX_TAPS];
} model;

#define SAMPLE int16_t
#define WORD int32_t
#define LANES 1
#define NAME(what) what##_16_1
#include "lanes.h"
#define LANES 8
#define NAME(what) what##_16_8
#include "lanes.h"
#undef SAMPLE
#undef WORD

#define SAMPLE int32_t
#define WORD int64_t
#define LANES 1
#define NAME(what) what##_32_1
#include "lanes.h"
#define LANES 8
#define NAME(what) what##_32_8
#include "lanes.h"

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
