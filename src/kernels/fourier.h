/* How a real transform of length n is computed, and the memory that takes: for the primitive, which
 * has to name it, and for the kernels. */
#ifndef GRADUS_KERNELS_FOURIER_H
#define GRADUS_KERNELS_FOURIER_H

#include <stdint.h>

/* The complex transform behind it has half the length where n is even, with neighbours as real and
 * imaginary part, else all of it. A length with a large prime factor becomes a convolution, which a
 * transform of a power of 2 computes (Bluestein 1970). Up to LANES rows are transformed side by
 * side, fewer where a row is long. */
typedef struct gr__fourier {
    int64_t n;
    int64_t length;    /* of the complex transform */
    int64_t convolved; /* 0, or the power of 2 */
    int64_t order;     /* of the roots of unity that its stages take: n, or convolved */
    int64_t lanes;     /* rows side by side */
    int64_t size;      /* elements of each of a thread's four planes */
    int radices, radix[64];
} gr__fourier;

enum { GR__FOURIER_LANES = 16, GR__FOURIER_LARGEST_RADIX = 50, GR__FOURIER_PLANE = 8192 };

/* Factors of n, 4 before others. Returns what is left when all up to the largest radix are out. */
static inline int64_t gr__fourier_factor(gr__fourier *f, int64_t n)
{
    f->radices = 0;
    for (; n % 4 == 0; n /= 4) f->radix[f->radices++] = 4;
    for (int r = 2; r <= GR__FOURIER_LARGEST_RADIX; r++) {
        for (; n % r == 0; n /= r) f->radix[f->radices++] = r;
    }
    return n;
}

static inline gr__fourier gr__fourier_of(int64_t n, int64_t rows)
{
    gr__fourier f = {.n = n, .length = n % 2 == 0 ? n / 2 : n, .order = n};

    if (gr__fourier_factor(&f, f.length) > 1) {
        for (f.convolved = 1; f.convolved < 2 * f.length - 1;) f.convolved *= 2;
        f.order = f.convolved;
        gr__fourier_factor(&f, f.convolved);
    }
    int64_t length = f.convolved ? f.convolved : f.length;
    f.lanes = GR__FOURIER_PLANE / length;
    if (f.lanes > GR__FOURIER_LANES) f.lanes = GR__FOURIER_LANES;
    if (f.lanes > rows) f.lanes = rows;
    if (f.lanes < 1) f.lanes = 1;
    f.size = length * f.lanes;
    return f;
}

/* Elements of working memory: roots of order n; for a convolution those of its own order, the chirp
 * and its transform; and each thread's planes. */
static inline int64_t gr__fourier_tables(const gr__fourier *f)
{
    return 2 * f->n + (f->convolved ? 4 * f->convolved + 2 * f->length : 0);
}

static inline int64_t gr__fourier_memory(const gr__fourier *f, int threads)
{
    return gr__fourier_tables(f) + 4 * f->size * threads;
}

#endif
