/* Prediction and its inverse for 16 bit samples where the processor multiplies and adds pairs of 16 bit
   numbers at once. Included by kernels.c. A tap is a pair: `lag` and `lag` + 1 at one distance; the past
   holds a sample in its low half and the one before in its high half, weights are halves alike. They
   return 0, or 1 where a centred sample does not fit 16 bits: what was written is then of no use, and
   lanes.h does it. */

#include <immintrin.h>
#include <string.h>

#define AVX2 __attribute__((target("avx2")))
#define SHORT_OF(v) _mm256_srai_epi32(_mm256_slli_epi32(v, 16), 16)
#define STRIDE 32
#define AHEAD 32

/* Turn 8 rows of 8 numbers into columns. */
AVX2 static inline void turn(__m128i *v)
{
    __m128i a[8], b[8];
    for (int i = 0; i < 4; i++) {
        a[2 * i] = _mm_unpacklo_epi16(v[2 * i], v[2 * i + 1]);
        a[2 * i + 1] = _mm_unpackhi_epi16(v[2 * i], v[2 * i + 1]);
    }
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++) {
            b[4 * i + 2 * j] = _mm_unpacklo_epi32(a[4 * i + j], a[4 * i + j + 2]);
            b[4 * i + 2 * j + 1] = _mm_unpackhi_epi32(a[4 * i + j], a[4 * i + j + 2]);
        }
    for (int i = 0; i < 4; i++) {
        v[2 * i] = _mm_unpacklo_epi64(b[i], b[i + 4]);
        v[2 * i + 1] = _mm_unpackhi_epi64(b[i], b[i + 4]);
    }
}

AVX2 static inline __m256i join(__m256i now, __m256i before)
{
    return _mm256_blend_epi16(now, _mm256_slli_epi32(before, 16), 0xAA);
}

AVX2 static inline int overflown(__m256i over)
{
    return !_mm256_testz_si256(over, over);
}

/* Lay out `n` rows channel after channel, centred, each sample with the one before in its upper half,
   `width` apart. Returns whether some do not fit. */
AVX2 static int centre(const int16_t *samples, int64_t n, int64_t channels, const int32_t *offsets,
                       int64_t width, int32_t *to)
{
    __m128i over = _mm_setzero_si128();
    int32_t outside = 0;
    const int64_t even = n / 8 * 8, whole = channels / 8 * 8;
    for (int64_t c = 0; c < channels; c++) outside |= offsets[c] ^ (int16_t)offsets[c];
    for (int64_t t = 0; t < even; t += 8)
        for (int64_t c = 0; c < whole; c += 8) {
            __m128i some[8];
            const int16_t *ahead = samples + (t + AHEAD) * channels + 8 * c;
            _mm_prefetch(ahead, _MM_HINT_T0), _mm_prefetch(ahead + 32, _MM_HINT_T0);
            for (int i = 0; i < 8; i++)
                some[i] = _mm_loadu_si128((const __m128i_u *)(samples + (t + i) * channels + c));
            turn(some);
            for (int i = 0; i < 8; i++) {
                const __m128i offset = _mm_set1_epi16((int16_t)offsets[c + i]);
                const __m128i v = _mm_sub_epi16(some[i], offset);
                int32_t *into = to + (c + i) * width + t;
                const __m128i before = _mm_insert_epi16(_mm_slli_si128(v, 2), into[-1], 0);
                over = _mm_or_si128(over, _mm_xor_si128(v, _mm_subs_epi16(some[i], offset)));
                _mm_storeu_si128((__m128i_u *)into, _mm_unpacklo_epi16(v, before));
                _mm_storeu_si128((__m128i_u *)into + 1, _mm_unpackhi_epi16(v, before));
            }
        }
    for (int64_t c = 0; c < channels; c++)
        for (int64_t t = c < whole ? even : 0; t < n; t++) {
            int32_t *into = to + c * width + t;
            const int32_t v = samples[t * channels + c] - offsets[c];
            outside |= v ^ (int16_t)v;
            *into = (v & 0xFFFF) | (int32_t)((uint32_t)into[-1] << 16);
        }
    return outside || !_mm_testz_si128(over, over);
}

/* What is left of STRIDE samples. */
AVX2 static inline void leave(const int32_t *now, const int32_t *const *from, const int32_t *weights,
                              int n, __m256i half, __m128i bits, int64_t t, int16_t *to)
{
    __m256i sum[4] = {half, half, half, half};
#pragma GCC unroll 2
    for (int64_t k = 0; k < n; k++) {
        const __m256i w = _mm256_set1_epi32(weights[k]);
        const __m256i_u *at = (const __m256i_u *)(from[k] + t);
        for (int i = 0; i < 4; i++)
            sum[i] = _mm256_add_epi32(sum[i], _mm256_madd_epi16(_mm256_loadu_si256(at + i), w));
    }
    for (int i = 0; i < 4; i++) {
        const __m256i v = _mm256_loadu_si256((const __m256i_u *)(now + t) + i);
        sum[i] = SHORT_OF(_mm256_sub_epi32(v, _mm256_sra_epi32(sum[i], bits)));
    }
    for (int i = 0; i < 2; i++) {
        const __m256i pair = _mm256_packs_epi32(sum[2 * i], sum[2 * i + 1]);
        _mm256_storeu_si256((__m256i_u *)to + i, _mm256_permute4x64_epi64(pair, 0xD8));
    }
}

/* All samples are known, so vectors run along time, a stretch after the other; WINDOW samples of each
   channel at once, so that those of neighbours are still in a first cache. */
EXPORT AVX2 int64_t predict_paired(const model *m, const int32_t *weights, const int32_t *offsets,
                                   int32_t *past, const int16_t *samples, int16_t *planes,
                                   int64_t lanes)
{
    const int64_t rows = m->rows, channels = m->channels, before = m->depth, width = before + WINDOW;
    const int64_t span = (rows + lanes - 1) / lanes;
    const __m128i bits = _mm_cvtsi32_si128(m->bits);
    const __m256i half = _mm256_set1_epi32(1 << (m->bits - 1));
    int32_t *first = past + m->pad * width + before;
    const int32_t *from[MAX_TAPS];
    int outside = 0;
    for (int64_t at = 0, next = 0; at < rows; at = next) {
        const int64_t into = at % span, left = (span < rows - at + into ? span : rows - at + into) - into;
        const int64_t n = left < WINDOW ? left : WINDOW;
        next = at + n;
        for (int64_t c = 0; c < channels; c++) {
            int32_t *old = first + c * width - before;
            if (into) memcpy(old, old + WINDOW, sizeof(int32_t) * (size_t)before);
            else memset(old, 0, sizeof(int32_t) * (size_t)before);
        }
        outside |= centre(samples + at * channels, n, channels, offsets, width, first);
        for (int64_t c = 0; c < channels; c++) {
            const int32_t *now = first + c * width, *w = weights + c * m->n_taps;
            int16_t *to = planes + c * rows + at, some[STRIDE];
            int64_t t = 0;
            for (int k = 0; k < m->n_taps; k++) from[k] = now + m->shift[k] * width - m->lag[k];
            for (; t + STRIDE <= n; t += STRIDE) leave(now, from, w, m->n_taps, half, bits, t, to + t);
            if (t == n) continue;
            leave(now, from, w, m->n_taps, half, bits, t, some);
            memcpy(to + t, some, sizeof(int16_t) * (size_t)(n - t));
        }
    }
    return outside;
}

/* Bring STEPS steps of 8 stretches together, as step × channel × stretch. What is there of stretches
   that have ended is of no use to the others. */
AVX2 static void gathered(const int16_t *planes, const model *m, int64_t span, int64_t first,
                          int16_t *stage)
{
    const int64_t size = m->rows * m->channels;
    for (int64_t c = 0; c < m->channels; c++)
        for (int64_t s = 0; s < STEPS; s += 8) {
            __m128i some[8];
            for (int l = 0; l < 8; l++) {
                const int64_t at = c * m->rows + l * span + first + s, left = size - at;
                some[l] = _mm_setzero_si128();
                if (left >= 8) some[l] = _mm_loadu_si128((const __m128i_u *)(planes + at));
                else if (left > 0) memcpy(some + l, planes + at, sizeof(int16_t) * (size_t)left);
            }
            turn(some);
            for (int i = 0; i < 8; i++)
                _mm_storeu_si128((__m128i_u *)stage + (s + i) * m->channels + c, some[i]);
        }
}

/* Put one step of every stretch, channel × stretch, to where it belongs. */
AVX2 static inline void scattered(const int16_t *step, int64_t channels, int64_t lane, int live,
                                  int16_t *samples)
{
    const int64_t whole = channels / 8 * 8;
    for (int64_t c = 0; c < whole; c += 8) {
        __m128i some[8];
        for (int i = 0; i < 8; i++) some[i] = _mm_loadu_si128((const __m128i_u *)step + c + i);
        turn(some);
        for (int l = 0; l < live; l++)
            _mm_storeu_si128((__m128i_u *)(samples + l * lane + c), some[l]);
    }
    for (int64_t c = whole; c < channels; c++)
        for (int l = 0; l < live; l++) samples[l * lane + c] = step[c * 8 + l];
}

/* Sums over taps that ask for nothing of the `count` channels themselves at this step. */
AVX2 static inline __attribute__((always_inline)) void
foretell(const model *m, const __m256i_u *now, const int64_t *from, const int32_t *weights, int64_t c,
         int count, __m256i half, __m256i *sums)
{
    const int64_t n_taps = m->n_taps;
    const int32_t *w = weights + c * n_taps;
    for (int i = 0; i < count; i++) sums[i] = half;
#pragma GCC unroll 2
    for (int64_t k = m->n_near; k < n_taps; k++)
        for (int i = 0; i < count; i++) {
            const __m256i each = _mm256_set1_epi32(w[i * n_taps + k]);
            sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(now[from[k] + c + i], each));
        }
}

/* Eight stretches advance side by side, four channels after the other. `history` has STEPS rows after
   `depth` of the past, to which the last ones are moved when it is full. Pairs of lag 0 at distances -1
   to -3 come first; what that of -1 multiplies was computed a moment ago and stays in a register. */
EXPORT AVX2 int64_t restore_paired(const model *m, const int32_t *weights, const int32_t *offsets,
                                   __m256i_u *history, const int16_t *planes, int16_t *samples,
                                   int16_t *stage)
{
    const int64_t channels = m->channels, width = channels + 2 * m->pad, n_taps = m->n_taps;
    const int64_t span = (m->rows + 7) / 8, last = m->rows - 7 * span, near = m->n_near;
    const int64_t by_one = near && m->shift[0] == -1;
    const __m128i bits = _mm_cvtsi32_si128(m->bits);
    const __m256i half = _mm256_set1_epi32(1 << (m->bits - 1)), none = _mm256_setzero_si256();
    int64_t from[MAX_TAPS];
    int16_t *done = stage + STEPS * channels * 8;
    __m256i over = none;
    for (int64_t k = 0; k < n_taps; k++) from[k] = m->shift[k] - m->lag[k] * width;
    for (int64_t s = 0; s < span; s++) {
        const int live = s < last ? 8 : 7;
        const __m256i ended = live == 8 ? none : _mm256_setr_epi32(0, 0, 0, 0, 0, 0, 0, -1);
        __m256i_u *now = history + (m->depth + s % STEPS) * width + m->pad;
        const int16_t *left = stage + s % STEPS * channels * 8;
        __m256i beside = none, sums[4];
        if (s % STEPS == 0) {
            gathered(planes, m, span, s, stage);
            memmove(history, history + STEPS * width, sizeof(__m256i) * (size_t)(m->depth * width));
        }
        for (int64_t c = 0; c < channels; c++) {
            const int32_t *w = weights + c * n_taps;
            const __m256i offset = _mm256_set1_epi32(offsets[c]);
            if (c % 4 == 0) {
                const int64_t some = channels - c;
                if (some >= 4) foretell(m, now, from, weights, c, 4, half, sums);
                else if (some == 3) foretell(m, now, from, weights, c, 3, half, sums);
                else if (some == 2) foretell(m, now, from, weights, c, 2, half, sums);
                else foretell(m, now, from, weights, c, 1, half, sums);
            }
            __m256i sum = sums[c % 4];
            for (int64_t k = by_one; k < near; k++)
                sum = _mm256_add_epi32(
                    sum, _mm256_madd_epi16(now[from[k] + c], _mm256_set1_epi32(w[k])));
            if (by_one) sum = _mm256_add_epi32(sum, _mm256_madd_epi16(beside, _mm256_set1_epi32(w[0])));
            const __m128i r = _mm_loadu_si128((const __m128i_u *)left + c);
            __m256i v = _mm256_add_epi32(_mm256_cvtepi16_epi32(r), _mm256_sra_epi32(sum, bits));
            beside = join(v, now[c - width]);
            now[c] = beside;
            v = SHORT_OF(_mm256_add_epi32(v, offset));
            const __m256i pair = _mm256_permute4x64_epi64(_mm256_packs_epi32(v, v), 0x08);
            _mm_storeu_si128((__m128i_u *)done + c, _mm256_castsi256_si128(pair));
            v = _mm256_sub_epi32(v, offset);
            over = _mm256_or_si256(over, _mm256_andnot_si256(ended, _mm256_xor_si256(v, SHORT_OF(v))));
        }
        scattered(done, channels, span * channels, live, samples + s * channels);
    }
    return overflown(over);
}
