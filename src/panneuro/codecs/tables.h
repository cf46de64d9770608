/* Which tables of frequencies the entropy stage uses, and what they say. Included by kernels.c; floating
   point decides here how small a stream is, never what it decodes to. */

#include <math.h>
#include <string.h>

#define MAX_SCALES 256
#define MAX_TABLES 64
#define TOKENS 256

/* How tables are chosen; entropy.py says what each number means. */
typedef struct {
    double per_octave, finest, loyalty, reach, table_bits, astray_bits;
    int64_t most_tables, direct, level_parts, n_tokens;
} rules;

/* Give up scales that few samples have for the sake of their neighbours, as long as that pays. */
static void merge_scales(const rules *by, double *left, int64_t *kept)
{
    int64_t alive[MAX_SCALES], n = 0;
    for (int64_t s = 0; s < MAX_SCALES; s++) {
        kept[s] = s;
        if (left[s]) alive[n++] = s;
    }
    while (n > 1) {
        int64_t at = 0;
        double least = INFINITY;
        for (int64_t i = 0; i + 1 < n; i++) {
            const double few = left[alive[i]] < left[alive[i + 1]] ? left[alive[i]] : left[alive[i + 1]];
            const double apart = (double)(alive[i + 1] - alive[i]);
            const double lost = few * by->astray_bits * (apart * apart);
            if (lost < least) least = lost, at = i;
        }
        if (least > by->table_bits && n <= by->most_tables) return;
        const int first = left[alive[at]] >= left[alive[at + 1]];
        const int64_t to = alive[at + !first], gone = alive[at + first];
        left[to] += left[gone];
        for (int64_t s = 0; s < MAX_SCALES; s++)
            if (kept[s] == gone) kept[s] = to;
        for (int64_t i = at + first; i + 1 < n; i++) alive[i] = alive[i + 1];
        n--;
    }
}

/* Which table each block uses, from the sums of its magnitudes, and how many low bits each table leaves
   out; returns how many tables there are. */
static int64_t choose_tables(const rules *by, const int64_t *sums, int64_t rows, int64_t channels,
                             int64_t block, uint8_t *tables, uint8_t *shifts)
{
    const int64_t n_blocks = (rows + block - 1) / block, size = n_blocks * channels;
    const double left_out = log2(by->finest * (double)by->direct / by->reach);
    double counts[MAX_SCALES] = {0}, before = 0;
    int64_t kept[MAX_SCALES], n = 0;
    uint8_t into[MAX_SCALES];
    for (int64_t i = 0; i < size; i++) {
        const int64_t b = i % n_blocks, length = b + 1 < n_blocks ? block : rows - b * block;
        const double exact = by->per_octave * log2(by->finest * (double)sums[i] / (double)length + 1);
        if (!b || fabs(exact - before) >= by->loyalty) before = rint(exact);
        tables[i] = (uint8_t)before;
        counts[tables[i]] += (double)block;
    }
    merge_scales(by, counts, kept);
    for (int64_t s = 0; s < MAX_SCALES; s++)
        if (counts[s] && kept[s] == s) {
            const double shift = floor((double)s / by->per_octave - left_out);
            shifts[n] = (uint8_t)(shift > 0 ? shift : 0);
            into[s] = (uint8_t)n++;
        }
    for (int64_t i = 0; i < size; i++) tables[i] = into[kept[tables[i]]];
    return n;
}

/* Levels whose shares come near the counts of one table, coarser where counts are few. */
static void tell_levels(const rules *by, const uint64_t *counts, int16_t *levels)
{
    double total = 0, present = 0, finest;
    for (int64_t i = 0; i < by->n_tokens; i++) total += (double)counts[i], present += counts[i] > 0;
    finest = 16 / 0.6931471805599453 * sqrt(12 * present / total);
    const double step = finest < 1 ? 1 : ldexp(1, finest > 16 ? 4 : ilogb(finest));
    for (int64_t i = 0; i < by->n_tokens; i++) {
        double exact = (double)counts[i] * ((1 << PLACES) / total) - 1, place;
        levels[i] = 0;
        if (!counts[i]) continue;
        place = exact = exact > 0 ? exact * (double)by->level_parts : 0;
        if (exact >= 16) {
            const int octave = ilogb(exact) > 4 ? ilogb(exact) - 3 : 1;
            place = 16 * (octave - 1) + ldexp(exact, 1 - octave);
        }
        levels[i] = (int16_t)(1 + rint(place / step) * step);
    }
}
