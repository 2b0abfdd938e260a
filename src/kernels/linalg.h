/* Factors of matrices and triangular systems, of elements T. Included once for each T, after T,
 * LINALG(name) (a kernel's name with its dtype) and GEMM are defined. Knows batches of matrices of
 * any strides; not gradients.
 *
 * Everything is left-looking: a block of BLOCK rows or columns takes the part that is done from
 * itself as one matrix product and is then finished by plain loops along contiguous rows. So nearly
 * all work is GEMM's, and working memory is one product of a block. Threads share out matrices,
 * never a matrix. */
#include <inttypes.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "src/kernels/loops.h"
#include "src/kernels/nest.h"
#include "src/kernels/product.h"

enum { BLOCK = GR__LINALG_BLOCK };

/* ---- one matrix ---- */

/* A matrix as it lies: element (i, j) at i * row + j * column. */
typedef struct matrix {
    const T *at;
    int64_t row, column;
} matrix;

static inline matrix part(matrix a, int64_t i, int64_t j)
{
    return (matrix){a.at + i * a.row + j * a.column, a.row, a.column};
}

static inline matrix transposed(matrix a)
{
    return (matrix){a.at, a.column, a.row};
}

/* c = a b, of m rows and n columns, contiguous. */
static void multiply(T *c, matrix a, matrix b, int64_t m, int64_t n, int64_t k)
{
    gr__product p = {m, n, k, a.row, a.column, b.row, b.column, n, 1};

    GR__KERNEL(GEMM)(&p, c, a.at, b.at, 1);
}

/* c -= a b, where rows of c are contiguous. */
static void subtract_product(T *c, int64_t row, matrix a, matrix b, int64_t m, int64_t n, int64_t k,
                             T *scratch)
{
    if (k == 0) return;
    multiply(scratch, a, b, m, n, k);
    for (int64_t i = 0; i < m; i++) {
        for (int64_t j = 0; j < n; j++) c[i * row + j] -= scratch[i * n + j];
    }
}

static void subtract_multiple(T *y, const T *x, T factor, int64_t n)
{
    for (int64_t j = 0; j < n; j++) y[j] -= factor * x[j];
}

/* x becomes a^-1 x: a is lower triangular of n rows; x has m columns, its rows are contiguous. */
static void solve_lower(matrix a, bool unit, int64_t n, T *x, int64_t row, int64_t m, T *scratch)
{
    for (int64_t first = 0; first < n; first += BLOCK) {
        int64_t end = gr__least(first + BLOCK, n);
        subtract_product(x + first * row, row, part(a, first, 0), (matrix){x, row, 1}, end - first,
                         m, first, scratch);
        for (int64_t i = first; i < end; i++) {
            const T *line = part(a, i, 0).at;
            for (int64_t l = first; l < i; l++)
                subtract_multiple(x + i * row, x + l * row, line[l * a.column], m);
            for (int64_t j = 0; j < m && !unit; j++) x[i * row + j] /= line[i * a.column];
        }
    }
}

/* The same for a triangle of either kind: seen from its other end, an upper one is lower. */
static void solve(matrix a, bool upper, bool unit, int64_t n, T *x, int64_t m, T *scratch)
{
    matrix last = part(a, n - 1, n - 1);

    if (upper)
        solve_lower((matrix){last.at, -a.row, -a.column}, unit, n, x + (n - 1) * m, -m, m, scratch);
    else
        solve_lower(a, unit, n, x, m, m, scratch);
}

static void copy(T *to, matrix from, int64_t rows, int64_t columns)
{
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < columns; j++)
            to[i * columns + j] = from.at[i * from.row + j * from.column];
    }
}

/* ---- Cholesky ---- */

/* Rows of `block`, the transposed columns of the factor from `first` on: `count` of `width`
 * elements. Returns 0, or the number of the row whose pivot is not positive. */
static int64_t factor_rows(T *block, int64_t count, int64_t width)
{
    for (int64_t j = 0; j < count; j++) {
        T *row = block + j * width;
        for (int64_t l = 0; l < j; l++)
            subtract_multiple(row + j, block + l * width + j, block[l * width + j], width - j);
        if (!(row[j] > 0)) return j + 1;
        T pivot = (T)sqrt((double)row[j]);
        for (int64_t i = j; i < width; i++) row[i] /= pivot;
    }
    return 0;
}

/* The lower factor of a. Returns 0, or the order of the leading minor that is not positive. */
static int64_t cholesky(T *out, matrix a, int64_t n, T *block)
{
    memset(out, 0, (size_t)(n * n) * sizeof(T));
    for (int64_t first = 0; first < n; first += BLOCK) {
        int64_t count = gr__least(BLOCK, n - first), width = n - first;
        matrix done = {out + first * n, n, 1};
        multiply(block, done, transposed(done), count, width, first);
        for (int64_t j = 0; j < count; j++) {
            const T *column = part(a, first, first + j).at;
            T *row = block + j * width;
            for (int64_t i = j; i < width; i++) row[i] = column[i * a.row] - row[i];
        }
        int64_t wrong = factor_rows(block, count, width);
        if (wrong) return first + wrong;
        for (int64_t i = 0; i < width; i++) {
            for (int64_t j = 0; j < gr__least(count, i + 1); j++)
                out[(first + i) * n + first + j] = block[j * width + i];
        }
    }
    return 0;
}

/* ---- LU ---- */

static void swap_rows(T *a, int64_t n, int64_t i, int64_t k)
{
    for (int64_t j = 0; j < n && i != k; j++) {
        T t = a[i * n + j];
        a[i * n + j] = a[k * n + j];
        a[k * n + j] = t;
    }
}

/* Row of the largest element of column j from row j on, the first of equals. */
static int64_t pivot_row(const T *a, int64_t n, int64_t j)
{
    int64_t best = j;

    for (int64_t i = j + 1; i < n; i++) {
        if (fabs((double)a[i * n + j]) > fabs((double)a[best * n + j])) best = i;
    }
    return best;
}

/* Columns first .. end - 1 by elimination, from row `first` on. A column without a pivot, all 0,
 * stays. */
static void eliminate(T *a, T *pivots, int64_t n, int64_t first, int64_t end)
{
    for (int64_t j = first; j < end; j++) {
        int64_t k = pivot_row(a, n, j);
        pivots[j] = (T)k;
        swap_rows(a, n, j, k);
        T pivot = a[j * n + j];
        if (pivot == 0) continue;
        for (int64_t i = j + 1; i < n; i++) {
            T factor = a[i * n + j] /= pivot;
            subtract_multiple(a + i * n + j + 1, a + j * n + j + 1, factor, end - j - 1);
        }
    }
}

/* L, below its diagonal of ones, and U in n rows; the row with which each was exchanged in the row
 * after them. */
static void lu(T *out, matrix a, int64_t n, T *scratch)
{
    copy(out, a, n, n);
    for (int64_t first = 0; first < n; first += BLOCK) {
        int64_t end = gr__least(first + BLOCK, n), width = end - first;
        matrix l = {out, n, 1}, u = {out + first, n, 1};
        solve_lower(l, true, first, out + first, n, width, scratch);
        subtract_product(out + first * n + first, n, part(l, first, 0), u, n - first, width, first,
                         scratch);
        eliminate(out, out + n * n, n, first, end);
    }
}

/* x becomes a^-1 x, or its transpose's, for the a = P^T L U of which `a` holds the packed factors,
 * as lu has left them. */
static void solve_packed(matrix a, bool transpose, int64_t n, T *x, int64_t m, T *scratch)
{
    matrix pivots = part(a, n, 0), b = transpose ? transposed(a) : a;

    for (int64_t i = 0; i < n && !transpose; i++)
        swap_rows(x, m, i, (int64_t)pivots.at[i * pivots.column]);
    solve(b, false, !transpose, n, x, m, scratch);
    solve(b, true, transpose, n, x, m, scratch);
    for (int64_t i = n - 1; i >= 0 && transpose; i--)
        swap_rows(x, m, i, (int64_t)pivots.at[i * pivots.column]);
}

/* ---- batches ---- */

/* One matrix of a batch. Returns 0, or the order at which something is wrong. */
typedef int64_t one(T *out, matrix a, matrix b, int64_t n, int64_t m, const gr__system *how,
                    T *scratch);

static int64_t cholesky_one(T *out, matrix a, matrix b, int64_t n, int64_t m, const gr__system *how,
                            T *scratch)
{
    (void)b, (void)m, (void)how;
    return cholesky(out, a, n, scratch);
}

/* A matrix without inverse has factors all the same. */
static int64_t lu_one(T *out, matrix a, matrix b, int64_t n, int64_t m, const gr__system *how,
                      T *scratch)
{
    (void)b, (void)m, (void)how;
    lu(out, a, n, scratch);
    return 0;
}

/* The number of the first element of the diagonal that is 0, or 0. */
static int64_t zero_pivot(matrix a, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        if (*part(a, i, i).at == 0) return i + 1;
    }
    return 0;
}

static int64_t triangular_one(T *out, matrix a, matrix b, int64_t n, int64_t m,
                              const gr__system *how, T *scratch)
{
    copy(out, b, n, m);
    solve(a, how->upper, how->unit, n, out, m, scratch);
    return how->unit ? 0 : zero_pivot(a, n);
}

static int64_t packed_one(T *out, matrix a, matrix b, int64_t n, int64_t m, const gr__system *how,
                          T *scratch)
{
    copy(out, b, n, m);
    solve_packed(a, how->transposed, n, out, m, scratch);
    return zero_pivot(a, n);
}

static void report(gr__fault *fault, const char *what, const gr__array *out, int64_t i,
                   int64_t order)
{
    char where[60] = "";

    fault->found = true;
    fault->argument = "a";
    gr__print_position(where, sizeof where, out->rank - 2, out->dims, i);
    snprintf(fault->text, sizeof fault->text, what, order, out->rank > 2 ? " at " : "",
             out->rank > 2 ? where : "");
}

/* The last operand is b, or a again. */
static void each(const gr__array *out, const gr__array *in, int arity, const gr__system *how,
                 int threads, one *kernel, const char *what, gr__fault *fault)
{
    int r = out->rank - 2, c = out->rank - 1;
    const gr__array *a = &in[0], *b = &in[arity - 1];
    gr__nest nest = gr__nest_of(r, out->dims, a->strides, b->strides);
    int64_t count = out->count > 0 ? gr__nest_pieces(&nest, 1) : 0, m = out->dims[c];
    int64_t size = out->dims[r] * m, wrong = count, order = 0;

#pragma omp parallel for num_threads(threads) if (threads > 1 && count > 1)
    for (int64_t i = 0; i < count; i++) {
        gr__piece at = gr__nest_piece(&nest, 1, i);
        matrix x = {(const T *)a->data + at.offset[0], a->strides[r], a->strides[c]};
        matrix y = {(const T *)b->data + at.offset[1], b->strides[r], b->strides[c]};
        T *scratch = (T *)in[arity].data + omp_get_thread_num() * BLOCK * m;
        int64_t found = kernel((T *)out->data + i * size, x, y, a->dims[c], m, how, scratch);
        if (found == 0) continue;
#pragma omp critical
        if (i < wrong) {
            wrong = i;
            order = found;
        }
    }
    if (order > 0) report(fault, what, out, wrong, order);
}

#define KERNEL(name, arity, kernel, what) \
    gr__opaque_kernel GR__KERNEL(LINALG(name)); \
    void GR__KERNEL(LINALG(name))(const gr__array *out, const gr__array *in, const void *detail, \
                                  int threads, gr__fault *fault) \
    { \
        each(out, in, arity, detail, threads, kernel, what, fault); \
    }

#define SINGULAR "got a singular matrix, pivot %" PRId64 " is 0%s%s"

KERNEL(gr__cholesky, 1, cholesky_one,
       "got leading minor %" PRId64 " not positive%s%s, want positive definite")
KERNEL(gr__triangular_solve, 2, triangular_one, SINGULAR)
KERNEL(gr__lu, 1, lu_one, NULL)
KERNEL(gr__lu_solve, 2, packed_one, SINGULAR)
