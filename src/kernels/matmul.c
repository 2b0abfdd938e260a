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

/* Multiplications below which batches are not shared out: waking a thread takes some 20 us. */
enum { SERIAL = 1 << 22 };

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
 * BLIS_ARCH_TYPE takes a number: skx needs AVX-512, zen3 AVX2 on AMD. A user's own setting
 * stays. */
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
        bli_rntm_disable_l3_sup(&runtime); /* those kernels read past the end of operands */ \
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

static enum { AUTO, OWN_ONLY, BLIS_ONLY } mode;
static pthread_once_t mode_once = PTHREAD_ONCE_INIT;

static void choose_mode(void)
{
    const char *wish = getenv("GRADUS_GEMM");

    if (wish && strcmp(wish, "own") == 0) mode = OWN_ONLY;
    if (wish && strcmp(wish, "blis") == 0) mode = BLIS_ONLY;
}

/* BLIS packs both operands for all levels of the cache, which pays late. GFLOP/s of one Zen 5 core,
 * ours and BLIS with AVX-512: f32 at 512 253 and 243, 1024 249 and 259 (transposed 258 and 236),
 * 1536 245 and 247, 2048 239 and 250; f64 at 256 127 and 114, 512 122 and 127 (118 and 124), 768
 * 117 and 123 (109 and 121), 1024 110 and 123, 2048 94 and 124. */
static bool for_blis(const gr__product *p, int64_t size)
{
    double work = (double)p->m * (double)p->n * (double)p->k;

    pthread_once(&mode_once, choose_mode);
    if (!plain(p->m, p->k, p->a_row, p->a_column) || !plain(p->k, p->n, p->b_row, p->b_column))
        return false;
    if (mode != AUTO) return mode == BLIS_ONLY;
    return p->m >= 256 && p->n >= 256 && p->k >= 256 && work >= (size == 4 ? 0x1p31 : 0x1p28);
}

#else
#define blis_f32 GR__KERNEL(gr__gemm_f32)
#define blis_f64 GR__KERNEL(gr__gemm_f64)
#define for_blis(p, size) false
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

typedef struct batch {
    gr__product_kernel *kernel;
    gr__product product;
    gr__nest nest;
    const gr__array *out, *in;
    int64_t size;
} batch;

static void run_one(const batch *b, int64_t i, int threads)
{
    gr__piece at = gr__nest_piece(&b->nest, 1, i);

    b->kernel(&b->product, (char *)b->out->data + i * b->product.m * b->product.n * b->size,
              (const char *)b->in[0].data + at.offset[0] * b->size,
              (const char *)b->in[1].data + at.offset[1] * b->size, threads);
}

/* One at a time on all threads, or, when there are enough of them, each on one thread. */
static void run(const batch *b, int threads)
{
    int64_t count = gr__nest_pieces(&b->nest, 1);
    double work = (double)b->out->count * (double)b->product.k;
    int cores = threads > 1 ? omp_get_num_procs() : 1; /* a system call */
    int team = threads < cores ? threads : cores;

    if (team == 1 || count < 2 * team || work < SERIAL) {
        for (int64_t i = 0; i < count; i++) run_one(b, i, team);
        return;
    }
#pragma omp parallel for num_threads(team)
    for (int64_t i = 0; i < count; i++) run_one(b, i, 1);
}

static void multiply(const gr__array *out, const gr__array *in, int64_t size, int threads,
                     gr__product_kernel *own, gr__product_kernel *blis)
{
    batch b = {.product = product_of(out, &in[0], &in[1]),
               .nest = gr__nest_of(out->rank - 2, out->dims, in[0].strides, in[1].strides),
               .out = out,
               .in = in,
               .size = size};

    b.kernel = for_blis(&b.product, size) ? blis : own;
    if (b.product.k == 0)
        memset(out->data, 0, (size_t)(out->count * size));
    else if (out->count > 0)
        run(&b, threads);
}

#define MATMUL(name, T, own, blis) \
    gr__opaque_kernel GR__KERNEL(name); \
    void GR__KERNEL(name)(const gr__array *out, const gr__array *in, const void *detail, \
                          int threads, gr__fault *fault) \
    { \
        (void)detail, (void)fault; \
        multiply(out, in, sizeof(T), threads, own, blis); \
    }

MATMUL(gr__matmul_f32, float, GR__KERNEL(gr__gemm_f32), blis_f32)
MATMUL(gr__matmul_f64, double, GR__KERNEL(gr__gemm_f64), blis_f64)

/* The definition, for tests; not in the table. */
MATMUL(gr__matmul_naive_f32, float, naive_f32, naive_f32)
MATMUL(gr__matmul_naive_f64, double, naive_f64, naive_f64)
