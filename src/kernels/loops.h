/* What the loops of several kernels need: the smaller and the larger of two counts, unrolling. */
#ifndef GRADUS_KERNELS_LOOPS_H
#define GRADUS_KERNELS_LOOPS_H

#include <stdint.h>

/* Before a loop of a few turns, their number known to the compiler. */
#ifdef __clang__
#define GR__UNROLL _Pragma("clang loop unroll(full)")
#else
#define GR__UNROLL _Pragma("GCC unroll 16")
#endif

static inline int64_t gr__least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t gr__most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

#endif
