/* What the convolutions of elements T share: vectors. Included once for each T, after T, the names
 * CONVOLVE, SPREAD and WEIGH, and, where the machine has it, FMA (of whole vectors) are defined. */
#include <omp.h>
#include <string.h>

#include "src/kernels/conv.h"

#if defined(__AVX512F__)
#define BYTES 64
#elif defined(__AVX__)
#define BYTES 32
#else
#define BYTES 16
#endif

#ifndef FMA
#define FMA(a, b, c) ((a) * (b) + (c))
#endif

#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* A vector that serves several multiplications is loaded once: gcc would fold the load into each of
 * them, and loads are what limits a tile. */
#if defined(__x86_64__) && defined(__AVX512F__)
#define ONCE(v) __asm__("" : "+v"(v))
#elif defined(__x86_64__)
#define ONCE(v) __asm__("" : "+x"(v))
#else
#define ONCE(v) (void)0
#endif

typedef T vector __attribute__((vector_size(BYTES), may_alias));
typedef T anywhere __attribute__((vector_size(BYTES), aligned(sizeof(T)), may_alias));

enum { LANES = BYTES / sizeof(T) };

static inline int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

#include "src/kernels/pack.h"
#include "src/kernels/sweep.h"
#include "src/kernels/weigh.h"
