/* Convolutions of float arrays. */
#define T float
#define CONVOLVE GR__KERNEL(gr__convolve_f32)
#define SPREAD GR__KERNEL(gr__spread_f32)
#define WEIGH GR__KERNEL(gr__weigh_f32)

#if defined(__AVX512F__)
#include <immintrin.h>
#define FMA _mm512_fmadd_ps
#elif defined(__FMA__)
#include <immintrin.h>
#define FMA _mm256_fmadd_ps
#elif defined(__aarch64__)
#include <arm_neon.h>
#define FMA(a, b, c) vfmaq_f32(c, a, b)
#endif

#include "src/kernels/convolve.h"
