/* Prediction and its inverse for 16 bit samples in 8 lanes, where the processor multiplies and adds
   pairs of 16 bit numbers at once. Included by kernels.c. A tap is a pair: `lag` and `lag` + 1 at one
   distance; the history holds a sample in its low half and the one before in its high half, weights
   are halves alike. They return 0, or 1 where a centred sample does not fit 16 bits: what was written
   is then of no use, and lanes.h does it. */

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))
#define SHORT_OF(v) _mm256_srai_epi32(_mm256_slli_epi32(v, 16), 16)

AVX2 static inline __m256i join(__m256i now, __m256i before)
{
    return _mm256_blend_epi16(now, _mm256_slli_epi32(before, 16), 0xAA);
}

AVX2 static inline void paired_sources(const model *m, __m256i_u *history, int64_t step,
                                       const __m256i_u **from)
{
    const int64_t width = m->channels + 2 * m->pad;
    for (int k = 0; k < m->n_taps; k++) {
        const int64_t row = (step - m->lag[k]) & (m->depth - 1);
        from[k] = history + row * width + m->pad + m->shift[k];
    }
}

AVX2 static inline int overflown(__m256i over)
{
    return !_mm256_testz_si256(over, over);
}

EXPORT AVX2 int64_t predict_paired(const model *m, const int32_t *weights, const int32_t *offsets,
                            __m256i_u *history, const int16_t *samples, int16_t *planes,
                            int16_t *stage)
{
    const int64_t channels = m->channels, width = channels + 2 * m->pad;
    const int64_t span = (m->rows + 7) / 8, last = m->rows - 7 * span, lane = span * channels;
    const __m128i bits = _mm_cvtsi32_si128(m->bits);
    const __m256i half = _mm256_set1_epi32(1 << (m->bits - 1));
    const __m256i low = _mm256_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, -1, -1, -1, -1, -1, -1, -1, -1,
                                         0, 1, 4, 5, 8, 9, 12, 13, -1, -1, -1, -1, -1, -1, -1, -1);
    const __m256i_u *from[MAX_TAPS];
    __m256i over = _mm256_setzero_si256();
    for (int64_t s = 0; s < span; s++) {
        __m256i_u *now = history + (s & (m->depth - 1)) * width + m->pad;
        const __m256i_u *before = history + ((s - 1) & (m->depth - 1)) * width + m->pad;
        for (int64_t c = 0; c < channels; c++) {
            const int16_t *at = samples + s * channels + c;
            __m256i v = _mm256_setr_epi32(at[0], at[lane], at[2 * lane], at[3 * lane], at[4 * lane],
                                          at[5 * lane], at[6 * lane], s < last ? at[7 * lane] : 0);
            v = _mm256_sub_epi32(v, _mm256_set1_epi32(offsets[c]));
            over = _mm256_or_si256(over, _mm256_xor_si256(v, SHORT_OF(v)));
            now[c] = join(v, before[c]);
        }
        paired_sources(m, history, s, from);
        for (int64_t c = 0; c < channels; c++) {
            const int32_t *w = weights + c * m->n_taps;
            __m256i sum = half;
            for (int k = 0; k < m->n_taps; k++)
                sum = _mm256_add_epi32(sum, _mm256_madd_epi16(from[k][c], _mm256_set1_epi32(w[k])));
            sum = _mm256_sub_epi32(now[c], _mm256_sra_epi32(sum, bits));
            sum = _mm256_permute4x64_epi64(_mm256_shuffle_epi8(sum, low), 0x08);
            _mm_storeu_si128((__m128i_u *)stage + s % STEPS * channels + c,
                             _mm256_castsi256_si128(sum));
        }
        if (s % STEPS == STEPS - 1 || s == span - 1)
            spill_16_8(stage, m, span, s - s % STEPS, s % STEPS + 1, planes);
    }
    return overflown(over);
}

/* The pair of lag 0 at distance -1 comes first, if there is one: what it multiplies was computed a
   moment ago and stays in a register. */
EXPORT AVX2 int64_t restore_paired(const model *m, const int32_t *weights, const int32_t *offsets,
                            __m256i_u *history, const int16_t *planes, int16_t *samples,
                            int16_t *stage)
{
    const int64_t channels = m->channels, width = channels + 2 * m->pad;
    const int64_t span = (m->rows + 7) / 8, last = m->rows - 7 * span, lane = span * channels;
    const __m128i bits = _mm_cvtsi32_si128(m->bits);
    const __m256i half = _mm256_set1_epi32(1 << (m->bits - 1));
    const __m256i_u *from[MAX_TAPS];
    __m256i over = _mm256_setzero_si256();
    for (int64_t s = 0; s < span; s++) {
        const int live = s < last ? 8 : 7, near = m->n_near;
        __m256i_u *now = history + (s & (m->depth - 1)) * width + m->pad;
        const __m256i_u *before = history + ((s - 1) & (m->depth - 1)) * width + m->pad;
        __m256i beside = _mm256_setzero_si256();
        if (s % STEPS == 0) collect_16_8(planes, m, span, s, STEPS, stage);
        paired_sources(m, history, s, from);
        for (int64_t c = 0; c < channels; c++) {
            const int32_t *w = weights + c * m->n_taps;
            const __m256i offset = _mm256_set1_epi32(offsets[c]);
            __m256i sum = half;
            for (int k = near; k < m->n_taps; k++)
                sum = _mm256_add_epi32(sum, _mm256_madd_epi16(from[k][c], _mm256_set1_epi32(w[k])));
            if (near)
                sum = _mm256_add_epi32(sum, _mm256_madd_epi16(beside, _mm256_set1_epi32(w[0])));
            const __m128i left =
                _mm_loadu_si128((const __m128i_u *)stage + s % STEPS * channels + c);
            __m256i v = _mm256_add_epi32(_mm256_cvtepi16_epi32(left), _mm256_sra_epi32(sum, bits));
            v = _mm256_add_epi32(v, offset);
            v = SHORT_OF(v);
            int32_t each[8];
            _mm256_storeu_si256((__m256i_u *)each, v);
            for (int l = 0; l < 7; l++) samples[s * channels + c + l * lane] = (int16_t)each[l];
            if (live == 8) samples[s * channels + c + 7 * lane] = (int16_t)each[7];
            v = _mm256_sub_epi32(v, offset);
            if (live == 8) over = _mm256_or_si256(over, _mm256_xor_si256(v, SHORT_OF(v)));
            else over = _mm256_or_si256(over, _mm256_blend_epi32(_mm256_xor_si256(v, SHORT_OF(v)),
                                                                 _mm256_setzero_si256(), 0x80));
            beside = join(v, before[c]);
            now[c] = beside;
        }
    }
    return overflown(over);
}
