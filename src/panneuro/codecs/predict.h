/* Prediction for one width of sample, whatever the weights; included by kernels.c once for each. All
   samples are known, so vectors run along time, a stretch after the other; WINDOW samples of each
   channel at once, so that those of neighbours are still in a first cache. */

CLONES void NAME(predict)(const model *m, const WORD *weights, const int32_t *offsets, WORD *past,
                          const SAMPLE *samples, SAMPLE *planes, int64_t lanes)
{
    const int64_t rows = m->rows, channels = m->channels, before = m->depth, width = before + WINDOW;
    const int64_t span = (rows + lanes - 1) / lanes;
    const int n_taps = m->n_taps, bits = m->bits;
    const WORD half = (WORD)1 << (bits - 1);
    WORD *first = past + m->pad * width + before;
    for (int64_t at = 0, n; at < rows; at += n) {
        const int64_t into = at % span;
        n = span - into < rows - at ? span - into : rows - at;
        n = n < WINDOW ? n : WINDOW;
        for (int64_t c = 0; c < channels; c++) {
            WORD *now = first + c * width;
            for (int64_t t = -before; t < 0; t++) now[t] = into ? now[t + WINDOW] : 0;
            for (int64_t t = 0; t < n; t++)
                now[t] = (WORD)samples[(at + t) * channels + c] - offsets[c];
        }
        for (int64_t c = 0; c < channels; c++) {
            const WORD *now = first + c * width, *w = weights + c * n_taps;
            WORD sum[WINDOW];
            for (int64_t t = 0; t < n; t++) sum[t] = half;
            for (int k = 0; k < n_taps; k++) {
                const WORD *from = now + m->shift[k] * width - m->lag[k], by = w[k];
                for (int64_t t = 0; t < n; t++) sum[t] += from[t] * by;
            }
            for (int64_t t = 0; t < n; t++)
                planes[c * rows + at + t] = (SAMPLE)(now[t] - (sum[t] >> bits));
        }
    }
}
