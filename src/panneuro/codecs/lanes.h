/* The inverse of prediction for one width of sample and one number of lanes; included by kernels.c
   once for each. SAMPLE is what is stored, WORD what is computed in (modulo 2^bits of WORD), LANES
   how many stretches of time advance side by side. */

typedef WORD NAME(vec) __attribute__((vector_size(sizeof(WORD) * LANES), aligned(sizeof(WORD))));
typedef SAMPLE NAME(narrow)
    __attribute__((vector_size(sizeof(SAMPLE) * LANES), aligned(sizeof(SAMPLE))));

/* Residuals lie channel after channel, in more places at once than a first cache has lines for. A few
   steps of them are therefore brought together, as step × channel × lane, before they are computed
   with. */
static inline void NAME(collect)(const SAMPLE *planes, const model *m, int64_t span, int64_t first,
                                 int64_t steps, SAMPLE *stage)
{
    for (int64_t c = 0; c < m->channels; c++)
        for (int64_t l = 0; l < LANES; l++) {
            const SAMPLE *from = planes + c * m->rows + l * span + first;
            const int64_t left = m->rows - l * span - first, n = left < steps ? left : steps;
            SAMPLE *to = stage + c * LANES + l;
            for (int64_t i = 0; i < n; i++) to[i * m->channels * LANES] = from[i];
            for (int64_t i = n < 0 ? 0 : n; i < steps; i++) to[i * m->channels * LANES] = 0;
        }
}

/* Samples of one channel at one step of every lane; the last lane may have ended. Vectors go by
   pointer, since how they go by value depends on the processor that a clone is for. */
static inline void NAME(store)(SAMPLE *at, int64_t stride, int live, const NAME(vec) *v)
{
    if (live == LANES) {
        for (int l = 0; l < LANES; l++) at[l * stride] = (SAMPLE)(*v)[l];
    } else {
        for (int l = 0; l < live; l++) at[l * stride] = (SAMPLE)(*v)[l];
    }
}

static inline void NAME(sources)(const model *m, NAME(vec) *history, int64_t step,
                                 const NAME(vec) **from)
{
    const int64_t width = m->channels + 2 * m->pad;
    for (int k = 0; k < m->n_taps; k++) {
        const int64_t row = (step - m->lag[k]) & (m->depth - 1);
        from[k] = history + row * width + m->pad + m->shift[k];
    }
}

/* The taps of channels c-1 to c-4 at the present step come first, in that order, if there are any:
   what they multiply stays in registers, since it was computed a moment ago. */
CLONES void NAME(restore)(const model *m, const WORD *weights, const int32_t *offsets,
                          WORD *past, const SAMPLE *planes, SAMPLE *samples, SAMPLE *stage)
{
    const int64_t rows = m->rows, channels = m->channels;
    const int64_t span = (rows + LANES - 1) / LANES, last = rows - (LANES - 1) * span;
    const int64_t width = channels + 2 * m->pad;
    const int n_taps = m->n_taps, bits = m->bits, near = m->n_near;
    const int spare = 8 * (int)(sizeof(WORD) - sizeof(SAMPLE));
    const WORD half = (WORD)1 << (bits - 1);
    NAME(vec) *history = (NAME(vec) *)past;
    const NAME(vec) *from[MAX_TAPS];
    for (int64_t s = 0; s < span; s++) {
        const int live = s < last ? LANES : LANES - 1;
        NAME(vec) *now = history + (s & (m->depth - 1)) * width + m->pad;
        NAME(vec) a = {0}, b = {0}, d = {0}, e = {0};
        if (s % STEPS == 0) NAME(collect)(planes, m, span, s, STEPS, stage);
        NAME(sources)(m, history, s, from);
        for (int64_t c = 0; c < channels; c++) {
            const WORD *w = weights + c * n_taps;
            NAME(vec) sum = (NAME(vec)){0} + half;
            for (int k = near; k < n_taps; k++) sum += from[k][c] * w[k];
            if (near == 4) sum = sum + (b * w[1] + d * w[2] + e * w[3]) + a * w[0];
            NAME(vec) v = __builtin_convertvector(
                ((const NAME(narrow) *)stage)[s % STEPS * channels + c], NAME(vec));
            v = (v + (sum >> bits) + offsets[c]) << spare >> spare;
            NAME(store)(samples + s * channels + c, span * channels, live, &v);
            v = v - offsets[c];
            e = d, d = b, b = a, a = v;
            now[c] = v;
        }
    }
}
#undef LANES
#undef NAME
