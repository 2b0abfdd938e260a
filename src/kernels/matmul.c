/* Matrix products, batched: which kernel computes them. The only file that names BLIS, and it works
 * without (GR__NO_BLIS). Results do not depend on the number of threads. */
#include "src/kernels/kernels.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

#ifndef GR__NO_BLIS
#include <blis.h>
#include <pthread.h>
#endif

#include "src/kernels/nest.h"
#include "src/kernels/product.h"
#include "src/kernels/vmath.h"

/* The definition: c[i][j] is a[i][0] b[0][j] + a[i][1] b[1][j] + ... in the order of k. */
#define NAIVE(dtype, T, FMA) \
    static void naive_##dtype(const gr__product *p, void *c, const void *a, const void *b, \
                              int threads) \
    { \
        (void)threads; \
        for (int64_t i = 0; i < p->m; i++) { \
            for (int64_t j = 0; j < p->n; j++) { \
                const T *x = (const T *)a + i * p->a_row, *y = (const T *)b + j * p->b_column; \
                T sum = 0; \
                for (int64_t l = 0; l < p->k; l++) \
                    sum = FMA(x[l * p->a_column], y[l * p->b_row], sum); \
                ((T *)c)[i * p->c_row + j * p->c_column] = sum; \
            } \
        } \
    }

NAIVE(f32, float, GR__FMA32)
NAIVE(f64, double, GR__FMA64)

#ifndef GR__NO_BLIS

/* BLIS trusts the processor's brand string, which clouds hide, and then chooses slow kernels.
 * BLIS_ARCH_TYPE takes a number: skx needs AVX-512, zen3 AVX2 on AMD. A user's own setting stays. */
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

#define BLIS(dtype, T, gemm) \
    static void blis_##dtype(const gr__product *p, void *c, const void *a, const void *b, \
                             int threads) \
    { \
        T one = 1, zero = 0; \
        rntm_t runtime = BLIS_RNTM_INITIALIZER; \
        pthread_once(&once, choose_architecture); \
        bli_rntm_set_num_threads(threads, &runtime); \
        gemm(BLIS_NO_TRANSPOSE, BLIS_NO_TRANSPOSE, p->m, p->n, p->k, &one, (T *)(uintptr_t)a, \
             p->a_row, p->a_column, (T *)(uintptr_t)b, p->b_row, p->b_column, &zero, c, p->c_row, \
             p->c_column, NULL, &runtime); \
    }

BLIS(f32, float, bli_sgemm_ex)
BLIS(f64, double, bli_dgemm_ex)

/* Whether a matrix is stored by rows or by columns, without overlap. */
static bool plain(int64_t rows, int64_t columns, int64_t row, int64_t column)
{
    return (column == 1 && row >= columns) || (row == 1 && column >= rows);
}

/* Multiplications from which BLIS is faster than a kernel of ours. */
#define LARGE 8000

static bool for_blis(const gr__product *p)
{
    return p->m * p->n * p->k >= LARGE && p->m > 1 && p->n > 1 && p->k > 1 &&
           plain(p->m, p->k, p->a_row, p->a_column) && plain(p->k, p->n, p->b_row, p->b_column);
}

#else
#define blis_f32 GR__KERNEL(gr__gemm_f32)
#define blis_f64 GR__KERNEL(gr__gemm_f64)
#define for_blis(p) false
#endif

static gr__product product_of(const gr__array *c, const gr__array *a, const gr__array *b)
{
    int row = c->rank - 2, column = c->rank - 1;

    return (gr__product){.m = c->dims[row],
                         .n = c->dims[column],
                         .k = a->dims[column],
                         .a_row = a->strides[row],
                         .a_column = a->strides[column],
                         .b_row = b->strides[row],
                         .b_column = b->strides[column],
                         .c_row = c->dims[column],
                         .c_column = 1};
}

/* Every matrix of the batch: one at a time on all threads, or, when there are enough of them, each on
 * one thread. */
static void batch(gr__product_kernel *kernel, const gr__product *p, const gr__array *out,
                  const gr__array *in, int64_t size, int threads)
{
    gr__nest n = gr__nest_of(out->rank - 2, out->dims, in[0].strides, in[1].strides);
    int64_t count = gr__nest_pieces(&n, 1), work = p->m * p->n * p->k;
    int cores = omp_get_num_procs(), team = threads < cores ? threads : cores;
    bool apart = count >= 2 * team;

#pragma omp parallel for num_threads(team) if (apart && count * work > GR__SERIAL)
    for (int64_t i = 0; i < count; i++) {
        gr__piece at = gr__nest_piece(&n, 1, i);
        kernel(p, (char *)out->data + i * p->m * p->n * size,
               (const char *)in[0].data + at.offset[0] * size,
               (const char *)in[1].data + at.offset[1] * size, apart ? 1 : team);
    }
}

#define MATMUL(dtype, T) \
    gr__opaque_kernel GR__KERNEL(gr__matmul_##dtype); \
    void GR__KERNEL(gr__matmul_##dtype)(const gr__array *out, const gr__array *in, \
                                        const void *detail, int threads, gr__fault *fault) \
    { \
        gr__product p = product_of(out, &in[0], &in[1]); \
        (void)detail, (void)fault; \
        if (p.k == 0) memset(out->data, 0, (size_t)out->count * sizeof(T)); \
        if (p.k == 0 || out->count == 0) return; \
        batch(for_blis(&p) ? blis_##dtype : GR__KERNEL(gr__gemm_##dtype), &p, out, in, sizeof(T), \
              threads); \
    }

MATMUL(f32, float)
MATMUL(f64, double)

gr__opaque_kernel GR__KERNEL(gr__matmul_naive);
void GR__KERNEL(gr__matmul_naive)(const gr__array *out, const gr__array *in, const void *detail,
                                  int threads, gr__fault *fault)
{
    gr__product p = product_of(out, &in[0], &in[1]);
    bool f32 = out->dtype == GR_F32;

    (void)detail, (void)threads, (void)fault;
    batch(f32 ? naive_f32 : naive_f64, &p, out, in, f32 ? sizeof(float) : sizeof(double), 1);
}
