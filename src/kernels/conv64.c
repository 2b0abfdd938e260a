/* Convolutions of double arrays. */
#define T double
#define CONVOLVE GR__KERNEL(gr__convolve_f64)
#define SPREAD GR__KERNEL(gr__spread_f64)
#define WEIGH GR__KERNEL(gr__weigh_f64)

#if defined(__AVX512F__)
#include <immintrin.h>
#define FMA _mm512_fmadd_pd
#elif defined(__FMA__)
#include <immintrin.h>
#define FMA _mm256_fmadd_pd
#elif defined(__aarch64__)
#include <arm_neon.h>
#define FMA(a, b, c) vfmaq_f64(c, a, b)
#endif

#include "src/kernels/convolve.h"
