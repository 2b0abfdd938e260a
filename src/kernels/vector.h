/* Vectors of elements T for kernels that fma limits, products and convolutions. Included once for
 * each T, after T is defined. */
#if defined(__AVX512F__)
#include <immintrin.h>
#define BYTES 64
#define FMA _Generic((T)0, float : _mm512_fmadd_ps, double : _mm512_fmadd_pd)
#elif defined(__FMA__)
#include <immintrin.h>
#define BYTES 32
#define FMA _Generic((T)0, float : _mm256_fmadd_ps, double : _mm256_fmadd_pd)
#elif defined(__aarch64__)
#include <arm_neon.h>
#define BYTES 16
#define FMA(a, b, c) _Generic((T)0, float : vfmaq_f32, double : vfmaq_f64)(c, a, b)
#else
#define BYTES 16
#define FMA(a, b, c) ((a) * (b) + (c))
#endif

typedef T vector __attribute__((vector_size(BYTES), may_alias));
typedef T anywhere __attribute__((vector_size(BYTES), aligned(sizeof(T)), may_alias));

enum { LANES = BYTES / sizeof(T) };
