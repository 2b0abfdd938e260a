/* The convolutions of elements T. Included once for each T, after T and the names CONVOLVE, SPREAD
 * and WEIGH are defined. */
#include <omp.h>
#include <string.h>

#include "src/kernels/conv.h"
#include "src/kernels/loops.h"
#include "src/kernels/vector.h"

/* A vector that serves several multiplications is loaded once: gcc would fold the load into each of
 * them, and loads are what limits a tile. */
#if defined(__x86_64__) && defined(__AVX512F__)
#define ONCE(v) __asm__("" : "+v"(v))
#elif defined(__x86_64__)
#define ONCE(v) __asm__("" : "+x"(v))
#else
#define ONCE(v) (void)0
#endif

#include "src/kernels/pack.h"
#include "src/kernels/sweep.h"
#include "src/kernels/weigh.h"
