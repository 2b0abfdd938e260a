/* Products of double matrices. */
#define T double
#define GEMM gr__gemm_f64

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

#include "src/kernels/gemm.h"
