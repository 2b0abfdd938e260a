/* Philox 4x32-10: for every 64-bit key a bijection of 128-bit counters whose outputs pass as random
 * (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011). Branch-free, and in 64-bit
 * numbers throughout, so that a loop over counters becomes vector code without shuffles. */
#ifndef GRADUS_KERNELS_PHILOX_H
#define GRADUS_KERNELS_PHILOX_H

#include <stdint.h>

/* The high half of the counter. Random tensors draw from the first stream; the others make keys. */
enum { GR__STREAM_DATA, GR__STREAM_SPLIT, GR__STREAM_SEED };

typedef struct gr__words {
    uint32_t w[4];
} gr__words;

static inline gr__words gr__philox(uint64_t key, uint64_t counter, uint64_t stream)
{
    const uint64_t mask = UINT32_MAX;
    uint64_t a = counter & mask, b = counter >> 32, c = stream & mask, d = stream >> 32;
    uint64_t k = key & mask, l = key >> 32;

#pragma GCC unroll 10
    for (int round = 0; round < 10; round++) {
        uint64_t p = a * 0xD2511F53u, q = c * 0xCD9E8D57u;

        a = (q >> 32) ^ b ^ k;
        b = q & mask;
        c = (p >> 32) ^ d ^ l;
        d = p & mask;
        k = (k + 0x9E3779B9u) & mask;
        l = (l + 0xBB67AE85u) & mask;
    }
    return (gr__words){{(uint32_t)a, (uint32_t)b, (uint32_t)c, (uint32_t)d}};
}

#endif
