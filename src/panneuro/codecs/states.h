/* The eight states of the entropy stage in one register, where the processor shifts each element by a
   count of its own. Included by kernels.c. */

#define GATHER(l) _mm_loadu_si128((const __m128i_u *)(table + from[l]))
#define BOTH(l) _mm256_inserti128_si256(_mm256_castsi128_si256(GATHER(l)), GATHER((l) + 4), 1)

/* For each set of lanes, how to bring their 16 bit words together at the end of a register. */
static uint8_t last[256][16];

/* For each set of lanes, which of the words that follow each of them takes. */
static uint8_t next[256][8];

__attribute__((constructor)) static void order_words(void)
{
    for (int set = 0; set < 256; set++) {
        int at = 16;
        for (int l = 7; l >= 0; l--)
            if (set >> l & 1) {
                last[set][--at] = (uint8_t)(2 * l + 1);
                last[set][--at] = (uint8_t)(2 * l);
            }
        while (at--) last[set][at] = 0x80;
        for (int l = 0, taken = 0; l < 8; l++) next[set][l] = (uint8_t)taken, taken += set >> l & 1;
    }
}

/* Upper halves of the products of 32 bit numbers. */
AVX2 static inline __m256i upper(__m256i a, __m256i b)
{
    const __m256i even = _mm256_srli_epi64(_mm256_mul_epu32(a, b), 32);
    const __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32));
    return _mm256_blend_epi32(even, odd, 0xAA);
}

/* Put 8 tokens into the states; returns where words begin now. Up to 16 bytes before are overwritten. */
AVX2 static inline uint16_t *put_eight(const uint8_t *from, const symbol *table, uint16_t *p,
                                       __m256i *state)
{
    const __m256i low = _mm256_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, -1, -1, -1, -1, -1, -1, -1, -1,
                                         0, 1, 4, 5, 8, 9, 12, 13, -1, -1, -1, -1, -1, -1, -1, -1);
    const __m256i a = BOTH(0), b = BOTH(1), c = BOTH(2), d = BOTH(3);
    const __m256i ab = _mm256_unpacklo_epi32(a, b), cd = _mm256_unpacklo_epi32(c, d);
    const __m256i most = _mm256_unpacklo_epi64(ab, cd), reciprocal = _mm256_unpackhi_epi64(ab, cd);
    const __m256i ef = _mm256_unpackhi_epi32(a, b), gh = _mm256_unpackhi_epi32(c, d);
    const __m256i bias = _mm256_unpacklo_epi64(ef, gh), both = _mm256_unpackhi_epi64(ef, gh);
    const __m256i full = _mm256_cmpgt_epi32(*state, most);
    const int set = _mm256_movemask_ps(_mm256_castsi256_ps(full));
    const __m256i words = _mm256_permute4x64_epi64(_mm256_shuffle_epi8(*state, low), 0x08);
    const __m128i order = _mm_loadu_si128((const __m128i_u *)last[set]);
    _mm_storeu_si128((__m128i_u *)(p - 8), _mm_shuffle_epi8(_mm256_castsi256_si128(words), order));
    const __m256i v = _mm256_blendv_epi8(*state, _mm256_srli_epi32(*state, 16), full);
    const __m256i share = _mm256_srlv_epi32(upper(v, reciprocal), _mm256_srli_epi32(both, 16));
    const __m256i complement = _mm256_and_si256(both, _mm256_set1_epi32(0xFFFF));
    *state = _mm256_add_epi32(_mm256_add_epi32(v, bias), _mm256_mullo_epi32(share, complement));
    return p - __builtin_popcount((unsigned)set);
}

AVX2 static inline __attribute__((always_inline)) int64_t
encode_many(const uint8_t *tokens, int64_t rows, int64_t channels, int64_t block,
            const uint8_t *tables, const symbol *symbols, uint16_t *end, uint32_t *states, int eights)
{
    const int64_t n_blocks = (rows + block - 1) / block, n_states = 8 * eights;
    uint16_t *p = end;
    __m256i x[MAX_STATES / 8];
    for (int i = 0; i < eights; i++) x[i] = _mm256_set1_epi32(LOWEST);
    for (int64_t c = channels - 1; c >= 0; c--)
        for (int64_t b = n_blocks - 1; b >= 0; b--) {
            const symbol *table = symbols + tables[c * n_blocks + b] * 256;
            const uint8_t *from = tokens + c * rows + b * block;
            int64_t t = rows - b * block < block ? rows - b * block : block;
            const int64_t over = t % n_states;
            t -= over;
            if (over) {
                for (int i = 0; i < eights; i++) _mm256_storeu_si256((__m256i_u *)states + i, x[i]);
                for (int64_t l = over - 1; l >= 0; l--) p = put(table + from[t + l], p, states + l);
                for (int i = 0; i < eights; i++) x[i] = _mm256_loadu_si256((__m256i_u *)states + i);
            }
            for (; t; t -= n_states)
                for (int i = eights - 1; i >= 0; i--)
                    p = put_eight(from + t - n_states + 8 * i, table, p, x + i);
        }
    for (int i = 0; i < eights; i++) _mm256_storeu_si256((__m256i_u *)states + i, x[i]);
    return end - p;
}

AVX2 static int64_t encode_wide(const uint8_t *tokens, int64_t rows, int64_t channels, int64_t block,
                                const uint8_t *tables, const symbol *symbols, uint16_t *end,
                                uint32_t *states, int64_t n_states)
{
    return n_states == 8
               ? encode_many(tokens, rows, channels, block, tables, symbols, end, states, 1)
               : encode_many(tokens, rows, channels, block, tables, symbols, end, states, 4);
}

/* Take 8 tokens out of the states. */
AVX2 static inline __m256i take_eight(const uint32_t *slot, const uint16_t **p,
                                      __m256i *state)
{
    const __m256i mask = _mm256_set1_epi32((1 << PLACES) - 1);
    const __m256i found = _mm256_i32gather_epi32((const int *)slot, _mm256_and_si256(*state, mask), 4);
    __m256i share = _mm256_and_si256(_mm256_srli_epi32(found, 8), mask);
    share = _mm256_sub_epi32(share, _mm256_set1_epi32(-1));
    __m256i v = _mm256_mullo_epi32(share, _mm256_srli_epi32(*state, PLACES));
    v = _mm256_add_epi32(v, _mm256_srli_epi32(found, 20));
    const __m256i low = _mm256_cmpgt_epi32(_mm256_set1_epi32(LOWEST), v);
    const int set = _mm256_movemask_ps(_mm256_castsi256_ps(low));
    const __m256i order = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i_u *)next[set]));
    __m256i word = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i_u *)*p));
    word = _mm256_or_si256(_mm256_slli_epi32(v, 16), _mm256_permutevar8x32_epi32(word, order));
    *state = _mm256_blendv_epi8(v, word, low);
    *p += __builtin_popcount((unsigned)set);
    return _mm256_and_si256(found, _mm256_set1_epi32(255));
}

AVX2 static const uint16_t *take_wide(const uint16_t *p, const uint32_t *slot, int64_t n, uint32_t *x,
                                      uint8_t *tokens)
{
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    int64_t t = 0;
    __m256i s[4];
    for (int i = 0; i < 4; i++) s[i] = _mm256_loadu_si256((const __m256i_u *)x + i);
    for (; t + 32 <= n; t += 32) {
        __m256i some[4];
        for (int i = 0; i < 4; i++) some[i] = take_eight(slot, &p, s + i);
        const __m256i a = _mm256_packus_epi32(some[0], some[1]);
        const __m256i b = _mm256_packus_epi32(some[2], some[3]);
        _mm256_storeu_si256((__m256i_u *)(tokens + t),
                            _mm256_permutevar8x32_epi32(_mm256_packus_epi16(a, b), order));
    }
    for (int i = 0; i < 4; i++) _mm256_storeu_si256((__m256i_u *)x + i, s[i]);
    for (int l = 0; t + l < n; l++) TAKE(x[l], tokens[t + l])
    return p;
}
