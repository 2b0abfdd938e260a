/* Squared distances between rows: d[i][j] = sum_k (x[i][k] - y[j][k])^2, each a chain over k of
 * differences, so that it is never negative and 0 for equal rows. A tile is some rows of x by a
 * panel of rows of y, which are copied side by side, so that a vector holds neighbouring elements of
 * d. */
#include "src/kernels/kernels.h"

#include <string.h>

#include "src/kernels/loops.h"
#include "src/kernels/nest.h"

enum { ROWS = 4, BYTES = 64, PARALLEL = 1 << 20 };

/* One of a batch: d (n, m) of x (n, k) and y (m, k); strides of rows and columns. */
typedef struct pair {
    void *out;
    const void *x, *y;
    int64_t n, m, k, x_row, x_column, y_row, y_column;
} pair;

typedef void run_kernel(const pair *p, void *panels, int threads);

#define DISTANCE(dtype, T) \
    typedef T vector_##dtype __attribute__((vector_size(BYTES))); \
\
    enum { WIDTH_##dtype = 2 * BYTES / sizeof(T) }; /* rows of y in a panel */ \
\
    static void pack_##dtype(const pair *p, T *panel, int64_t first) \
    { \
        int64_t width = gr__least(WIDTH_##dtype, p->m - first); \
        memset(panel, 0, (size_t)(p->k * WIDTH_##dtype) * sizeof(T)); \
        for (int64_t j = 0; j < width; j++) { \
            const T *y = (const T *)p->y + (first + j) * p->y_row; \
            for (int64_t l = 0; l < p->k; l++) panel[l * WIDTH_##dtype + j] = y[l * p->y_column]; \
        } \
    } \
\
    /* At the last rows of x one stands for those that are not there. */ \
    static void tile_##dtype(const pair *p, const T *panel, int64_t first, int64_t column) \
    { \
        int64_t rows = gr__least(ROWS, p->n - first), \
                width = gr__least(WIDTH_##dtype, p->m - column); \
        const T *x = (const T *)p->x + first * p->x_row; \
        const vector_##dtype *y = (const vector_##dtype *)panel; \
        vector_##dtype sum[ROWS][2] = {0}; \
        for (int64_t l = 0; l < p->k; l++, x += p->x_column, y += 2) { \
            GR__UNROLL for (int i = 0; i < ROWS; i++) \
            { \
                T t = x[gr__least(i, rows - 1) * p->x_row]; \
                vector_##dtype u = t - y[0], v = t - y[1]; \
                sum[i][0] += u * u; \
                sum[i][1] += v * v; \
            } \
        } \
        for (int64_t i = 0; i < rows; i++) \
            memcpy((T *)p->out + (first + i) * p->m + column, sum[i], (size_t)width * sizeof(T)); \
    } \
\
    static void run_##dtype(const pair *p, void *panels, int threads) \
    { \
        int64_t size = p->k * WIDTH_##dtype; \
        for (int64_t j = 0; j < p->m; j += WIDTH_##dtype) \
            pack_##dtype(p, (T *)panels + j / WIDTH_##dtype * size, j); \
        _Pragma("omp parallel for num_threads(threads) if (threads > 1)") for (int64_t i = 0; \
                                                                               i < p->n; \
                                                                               i += ROWS) \
        { \
            for (int64_t j = 0; j < p->m; j += WIDTH_##dtype) \
                tile_##dtype(p, (const T *)panels + j / WIDTH_##dtype * size, i, j); \
        } \
    } \
\
    gr__opaque_kernel GR__KERNEL(gr__distance2_##dtype); \
    void GR__KERNEL(gr__distance2_##dtype)(const gr__array *out, const gr__array *in, \
                                           const void *detail, int threads, gr__fault *fault) \
    { \
        (void)detail, (void)fault; \
        distances(out, in, sizeof(T), threads, run_##dtype); \
    }

/* The batch, one pair of matrices after the other. */
static void distances(const gr__array *out, const gr__array *in, int64_t size, int threads,
                      run_kernel *run)
{
    const gr__array *x = &in[0], *y = &in[1];
    int r = out->rank - 2, c = out->rank - 1;
    gr__nest nest = gr__nest_of(r, out->dims, x->strides, y->strides);
    pair p = {.n = out->dims[r],
              .m = out->dims[c],
              .k = x->dims[c],
              .x_row = x->strides[r],
              .x_column = x->strides[c],
              .y_row = y->strides[r],
              .y_column = y->strides[c]};
    int64_t count = out->count > 0 && p.k > 0 ? gr__nest_pieces(&nest, 1) : 0;

    if (p.k == 0) memset(out->data, 0, (size_t)(out->count * size));
    for (int64_t i = 0; i < count; i++) {
        gr__piece at = gr__nest_piece(&nest, 1, i);
        p.out = (char *)out->data + i * p.n * p.m * size;
        p.x = (const char *)x->data + at.offset[0] * size;
        p.y = (const char *)y->data + at.offset[1] * size;
        run(&p, in[2].data, p.n * p.m * p.k >= PARALLEL ? threads : 1);
    }
}

/* clang-format off */
DISTANCE(f32, float)
DISTANCE(f64, double)
/* clang-format on */
