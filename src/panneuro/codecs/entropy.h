/* The entropy stage for one width of sample; included by kernels.c once for each. A block is a stretch
   of one channel; blocks lie channel after channel. `tables` says which table each uses, `shifts` how
   many low bits that table leaves out. A token below 2 * direct is a value; those above tell the sign
   and the length of what lies farther out. */

CLONED static void NAME(magnitudes)(const SAMPLE *planes, int64_t rows, int64_t channels, int64_t block,
                             int64_t *sums)
{
    for (int64_t c = 0; c < channels; c++)
        for (int64_t b = 0; b < rows; b += block) {
            const SAMPLE *r = planes + c * rows + b;
            const int64_t n = rows - b < block ? rows - b : block;
            int64_t sum = 0;
            for (int64_t at = 0; at < n; at += MAX_BLOCK) {
                const int64_t end = n - at < MAX_BLOCK ? n : at + MAX_BLOCK;
                WORD some = 0;
                for (int64_t t = at; t < end; t++) some += r[t] < 0 ? -(WORD)r[t] : (WORD)r[t];
                sum += some;
            }
            *sums++ = sum;
        }
}

/* The bits a sample that `width` residuals of each channel from `first` on tell of the next and of those
   of the channel above. Those beyond `unusual` means are cut off there. */
CLONES void NAME(told)(const SAMPLE *planes, int64_t rows, int64_t channels, int64_t first,
                       int64_t width, int64_t unusual, WORD *cut, double *bits)
{
    double power_above = 0;
    for (int64_t c = 0; c < channels; c++) {
        const SAMPLE *r = planes + c * rows + first;
        WORD *now = cut + (c & 1) * width, *above = cut + (~c & 1) * width;
        int64_t all = 0, square = 0, after = 0, beside = 0;
        for (int64_t t = 0; t < width; t++) all += r[t] < 0 ? -(int64_t)r[t] : (int64_t)r[t];
        all = unusual * all / width + 1;
        const WORD most = all > INT16_MAX ? INT16_MAX : (WORD)all;
        for (int64_t t = 0; t < width; t++) now[t] = r[t] > most ? most : r[t] < -most ? -most : r[t];
        for (int64_t t = 0; t < width; t++) square += now[t] * now[t];
        for (int64_t t = 1; t < width; t++) after += now[t] * now[t - 1];
        for (int64_t t = 0; c && t < width; t++) beside += now[t] * above[t];
        const double n = (double)width, power = (double)square / n + 1.0 / 12;
        const double next = (double)after / ((n > 1 ? n - 1 : 1) * power), side = (double)beside / n;
        const double explained = next * next + (c ? side * side / (power * power_above) : 0);
        bits[c] = -0.5 * log2(explained < 0.99 ? 1 - explained : 0.01);
        power_above = power;
    }
}

CLONED static void NAME(tokenise)(const SAMPLE *planes, int64_t rows, int64_t channels, int64_t block,
                           int64_t direct, const uint8_t *tables, const uint8_t *shifts,
                           uint8_t *tokens, uint32_t *counts)
{
    const UWORD most = (UWORD)(2 * direct);
    for (int64_t c = 0; c < channels; c++)
        for (int64_t b = 0; b < rows; b += block) {
            const SAMPLE *r = planes + c * rows + b;
            uint8_t *to = tokens + c * rows + b;
            const int64_t n = rows - b < block ? rows - b : block;
            const int s = shifts[*tables];
            int outside = 0;
            for (int64_t t = 0; t < n; t++) {
                const UWORD u = (UWORD)((r[t] >> s) + (WORD)direct);
                to[t] = (uint8_t)u;
                outside |= u >= most;
            }
            for (int64_t t = 0; outside && t < n; t++) {
                const WORD u = r[t] >> s;
                if (u >= direct || u < -direct) {
                    const uint64_t a = (uint64_t)(u < 0 ? -u - direct : u - direct + 1);
                    to[t] = (uint8_t)(2 * direct + 2 * (63 - __builtin_clzll(a)) + (u < 0));
                }
            }
            uint32_t *count = counts + *tables++ * 8 * TOKENS;
            int64_t t = 0;
            for (; t + 8 <= n; t += 8) {
                count[to[t]]++, count[256 + to[t + 1]]++, count[512 + to[t + 2]]++;
                count[768 + to[t + 3]]++, count[1024 + to[t + 4]]++, count[1280 + to[t + 5]]++;
                count[1536 + to[t + 6]]++, count[1792 + to[t + 7]]++;
            }
            for (; t < n; t++) count[to[t]]++;
        }
}

/* What tokens leave out, as bits, the lowest first; returns how many bytes. Up to 8 more are
   overwritten. */
CLONED static int64_t NAME(put_bits)(const SAMPLE *planes, int64_t rows, int64_t channels, int64_t block,
                       int64_t direct, const uint8_t *tables, const uint8_t *shifts,
                       const uint8_t *tokens, uint8_t *bytes)
{
    uint8_t *to = bytes;
    uint64_t held = 0;
    int n_held = 0;
    for (int64_t c = 0; c < channels; c++)
        for (int64_t b = 0; b < rows; b += block) {
            const int s = shifts[*tables++];
            const int64_t first = c * rows + b, n = rows - b < block ? rows - b : block;
            if (!s && !beyond(tokens + first, n, (uint8_t)(2 * direct))) continue;
            for (int64_t t = first; t < first + n; t++) {
                uint64_t bits = (uint64_t)(UWORD)planes[t] & (((uint64_t)1 << s) - 1);
                int length = s;
                if (tokens[t] >= 2 * direct) {
                    const WORD u = planes[t] >> s;
                    const uint64_t a = (uint64_t)(u < 0 ? -u - direct : u - direct + 1);
                    const int e = (tokens[t] - 2 * (int)direct) >> 1;
                    bits |= (a ^ (uint64_t)1 << e) << s;
                    length += e;
                }
                held |= bits << n_held;
                n_held += length;
                for (int i = 0; i < 8; i++) to[i] = (uint8_t)(held >> 8 * i);
                to += n_held >> 3, held >>= n_held & ~7, n_held &= 7;
            }
        }
    if (n_held) *to++ = (uint8_t)held;
    return to - bytes;
}

/* The whole stage: chooses tables, and codes residuals with them. `end` is where words end, `sizes` takes
   how many tables, words and bytes of `extra` there are; the last four are memory to work in. */
EXPORT void NAME(pack)(const rules *by, const SAMPLE *planes, int64_t rows, int64_t channels, int64_t block,
                       uint8_t *tables, uint8_t *shifts, int16_t *levels, uint32_t *states,
                       int64_t n_states, uint16_t *end, uint8_t *extra, int64_t *sizes, int64_t *sums,
                       uint8_t *tokens, uint32_t *counts, symbol *symbols)
{
    const int64_t direct = by->direct;
    uint64_t all[TOKENS];
    NAME(magnitudes)(planes, rows, channels, block, sums);
    const int64_t n = sizes[0] = choose_tables(by, sums, rows, channels, block, tables, shifts);
    memset(counts, 0, sizeof(uint32_t) * (size_t)(8 * TOKENS * n));
    NAME(tokenise)(planes, rows, channels, block, direct, tables, shifts, tokens, counts);
    for (int64_t k = 0; k < n; k++) {
        for (int64_t i = 0; i < TOKENS; i++) {
            all[i] = 0;
            for (int64_t j = 0; j < 8; j++) all[i] += counts[(8 * k + j) * TOKENS + i];
        }
        tell_levels(by, all, levels + k * by->n_tokens);
    }
    prepare(levels, n, by->n_tokens, symbols);
    sizes[1] = encode(tokens, rows, channels, block, tables, symbols, end, states, n_states);
    sizes[2] = NAME(put_bits)(planes, rows, channels, block, direct, tables, shifts, tokens, extra);
}

/* Returns 0, or 1 where the words or bits do not suffice or are not used up. There are `block` + 8 words
   more than n_words, to be read but not used. */
CLONES int64_t NAME(decode)(const uint16_t *words, int64_t n_words, const uint32_t *first,
                     int64_t n_states, const uint32_t *slots, const uint8_t *bytes, int64_t n_bytes,
                     int64_t rows, int64_t channels, int64_t block, int64_t direct,
                     const uint8_t *tables, const uint8_t *shifts, SAMPLE *planes)
{
    taking *const take = taken(n_states);
    const uint16_t *p = words, *end = words + n_words;
    uint64_t held = 0;
    int64_t at = 0;
    int n_held = 0;
    uint32_t x[MAX_STATES];
    uint8_t tokens[MAX_BLOCK];
    for (int64_t l = 0; l < n_states; l++) x[l] = first[l];
    for (int64_t c = 0; c < channels; c++)
        for (int64_t b = 0; b < rows; b += block) {
            SAMPLE *r = planes + c * rows + b;
            const int64_t n = rows - b < block ? rows - b : block;
            const int s = shifts[*tables];
            const uint32_t *slot = slots + ((int64_t)*tables++ << PLACES);
            if (p > end) return 1;
            p = take(p, slot, n, x, tokens);
            for (int64_t t = 0; t < n; t++) r[t] = (SAMPLE)(((WORD)tokens[t] - (WORD)direct) << s);
            if (!s && !beyond(tokens, n, (uint8_t)(2 * direct))) continue;
            for (int64_t t = 0; t < n; t++) {
                const int e = tokens[t] < 2 * direct ? 0 : (tokens[t] - 2 * (int)direct) >> 1;
                while (n_held < s + e) {
                    if (at == n_bytes) return 1;
                    held |= (uint64_t)bytes[at++] << n_held;
                    n_held += 8;
                }
                const uint64_t bits = held & (((uint64_t)1 << (s + e)) - 1);
                held >>= s + e, n_held -= s + e;
                if (tokens[t] < 2 * direct) {
                    r[t] |= (SAMPLE)bits;
                    continue;
                }
                const int64_t a = (int64_t)((bits >> s) | (uint64_t)1 << e);
                const int64_t u = tokens[t] & 1 ? -direct - a : direct - 1 + a;
                r[t] = (SAMPLE)((u << s) | (int64_t)(bits & (((uint64_t)1 << s) - 1)));
            }
        }
    int wrong = p != end || at != n_bytes || held;
    for (int64_t l = 0; l < n_states; l++) wrong |= x[l] != LOWEST;
    return wrong;
}
#undef NAME
