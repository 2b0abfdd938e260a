/* Matrix products, batched. The only file that names BLIS; without it (GR__NO_BLIS), and for small,
 * thin and oddly strided products, loops of our own. Results do not depend on the number of threads:
 * the inner extent is never split between them. */
#include "src/kernels/kernels.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

#ifndef GR__NO_BLIS
#include <blis.h>
#include <pthread.h>
#endif

#include "src/kernels/nest.h"
#include "src/kernels/vmath.h"

/* Multiplications below which a loop of ours is faster than a call of BLIS. */
#define SMALL 8000

/* One product of the batch: c (m,n), contiguous, from a (m,k) and b (k,n) with strides of rows and of
 * columns in elements. */
typedef struct product {
    int64_t m, n, k;
    int64_t a_row, a_column, b_row, b_column;
} product;

typedef void product_kernel(const product *p, void *c, const void *a, const void *b, int threads);

enum { WIDTH = 64 };

/* Rows of c in strips: strip[j] = a[i][0] b[0][j] + a[i][1] b[1][j] + ... in the order of k. */
#define LOOPS(dtype, T, FMA)                                                                       \
    static void strip_##dtype(const product *p, T *c, const T *a, const T *b, int64_t width)       \
    {                                                                                              \
        T strip[WIDTH] = {0};                                                                      \
        for (int64_t l = 0; l < p->k; l++) {                                                       \
            T x = a[l * p->a_column];                                                              \
            const T *y = b + l * p->b_row;                                                         \
            if (p->b_column == 1)                                                                  \
                for (int64_t j = 0; j < width; j++) strip[j] = FMA(x, y[j], strip[j]);             \
            else                                                                                   \
                for (int64_t j = 0; j < width; j++)                                                \
                    strip[j] = FMA(x, y[j * p->b_column], strip[j]);                               \
        }                                                                                          \
        memcpy(c, strip, (size_t)width * sizeof *c);                                               \
    }                                                                                              \
                                                                                                   \
    static void loops_##dtype(const product *p, void *c, const void *a, const void *b,             \
                              int threads)                                                         \
    {                                                                                              \
        int64_t strips = (p->n + WIDTH - 1) / WIDTH;                                               \
        (void)threads;                                                                             \
        for (int64_t s = 0; s < p->m * strips; s++) {                                              \
            int64_t i = s / strips, j = s % strips * WIDTH;                                        \
            strip_##dtype(p, (T *)c + i * p->n + j, (const T *)a + i * p->a_row,                   \
                          (const T *)b + j * p->b_column, p->n - j < WIDTH ? p->n - j : WIDTH);    \
        }                                                                                          \
    }

LOOPS(f32, float, GR__FMA32)
LOOPS(f64, double, GR__FMA64)

#ifndef GR__NO_BLIS

/* BLIS trusts the processor's brand string, which clouds hide, and then chooses slow kernels.
 * BLIS_ARCH_TYPE takes a number: skx needs AVX-512, zen3 AVX2. A user's own setting stays. */
static void choose_architecture(void)
{
#ifdef __x86_64__
    bool skx = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    bool zen3 = __builtin_cpu_is("amd") && __builtin_cpu_supports("avx2") &&
                __builtin_cpu_supports("fma");

    if (skx)
        setenv("BLIS_ARCH_TYPE", "0", 0);
    else if (zen3)
        setenv("BLIS_ARCH_TYPE", "6", 0);
#endif
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

#define BLIS(dtype, T, gemm)                                                                       \
    static void blis_##dtype(const product *p, void *c, const void *a, const void *b, int threads) \
    {                                                                                              \
        T one = 1, zero = 0;                                                                       \
        rntm_t runtime = BLIS_RNTM_INITIALIZER;                                                    \
        pthread_once(&once, choose_architecture);                                                  \
        bli_rntm_set_num_threads(threads, &runtime);                                               \
        gemm(BLIS_NO_TRANSPOSE, BLIS_NO_TRANSPOSE, p->m, p->n, p->k, &one, (T *)(uintptr_t)a,      \
             p->a_row, p->a_column, (T *)(uintptr_t)b, p->b_row, p->b_column, &zero, c, p->n, 1,   \
             NULL, &runtime);                                                                      \
    }

BLIS(f32, float, bli_sgemm_ex)
BLIS(f64, double, bli_dgemm_ex)

/* Whether a matrix is stored by rows or by columns, without overlap. */
static bool plain_strides(int64_t rows, int64_t columns, int64_t row, int64_t column)
{
    return (column == 1 && row >= columns) || (row == 1 && column >= rows);
}

static bool for_blis(const product *p)
{
    return p->m > 1 && p->n > 1 && p->k > 1 && p->m * p->n * p->k >= SMALL &&
           plain_strides(p->m, p->k, p->a_row, p->a_column) &&
           plain_strides(p->k, p->n, p->b_row, p->b_column);
}

#else
#define blis_f32 loops_f32
#define blis_f64 loops_f64
#define for_blis(p) false
#endif

/* Every matrix of the batch through one of the two kernels. */
static void batch(const gr__array *out, const gr__array *in, int threads, int64_t size,
                  product_kernel *small, product_kernel *large)
{
    const gr__array *a = &in[0], *b = &in[1];
    int row = out->rank - 2, column = out->rank - 1, cores = omp_get_num_procs();
    product p = {out->dims[row],  out->dims[column],  a->dims[column],
                 a->strides[row], a->strides[column], b->strides[row], b->strides[column]};
    gr__nest n = gr__nest_of(row, out->dims, a->strides, b->strides);
    product_kernel *kernel = for_blis(&p) ? large : small;

    if (threads > cores) threads = cores;
    if (out->count == 0) return;
    for (int64_t i = 0; i < gr__nest_pieces(&n, 1); i++) {
        gr__piece at = gr__nest_piece(&n, 1, i);
        kernel(&p, (char *)out->data + i * p.m * p.n * size,
               (const char *)a->data + at.offset[0] * size,
               (const char *)b->data + at.offset[1] * size, threads);
    }
}

gr__opaque_kernel GR__KERNEL(gr__matmul_f32), GR__KERNEL(gr__matmul_f64);

void GR__KERNEL(gr__matmul_f32)(const gr__array *out, const gr__array *in, const void *detail,
                                int threads, gr__fault *fault)
{
    (void)detail, (void)fault;
    batch(out, in, threads, sizeof(float), loops_f32, blis_f32);
}

void GR__KERNEL(gr__matmul_f64)(const gr__array *out, const gr__array *in, const void *detail,
                                int threads, gr__fault *fault)
{
    (void)detail, (void)fault;
    batch(out, in, threads, sizeof(double), loops_f64, blis_f64);
}
