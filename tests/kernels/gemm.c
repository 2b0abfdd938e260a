/* Products of matrices against their definition, one chain of fused multiply-adds in the order of
 * k, bit for bit: at sizes around every edge of tiles, panels and blocks, for every layout of the
 * operands, with pages around all matrices that nobody may touch and NaN between their elements. */
#include "tests/kernels/help.h"

#include "src/kernels/product.h"

typedef struct kernel {
    const char *isa;
    bool fused; /* one rounding a step */
    gr__product_kernel *of[2];
} kernel;

#ifdef __x86_64__
#define FUSED false
gr__product_kernel gr__gemm_f32_v3, gr__gemm_f64_v3, gr__gemm_f32_v4, gr__gemm_f64_v4;
#else
#define FUSED true
#endif
gr__product_kernel gr__gemm_f32_v1, gr__gemm_f64_v1;

static const kernel kernels[] = {
    {"v1", FUSED, {gr__gemm_f32_v1, gr__gemm_f64_v1}},
#ifdef __x86_64__
    {"v3", true, {gr__gemm_f32_v3, gr__gemm_f64_v3}},
    {"v4", true, {gr__gemm_f32_v4, gr__gemm_f64_v4}},
#endif
};

typedef enum layout {
    ROWS,
    COLUMNS,
    SLICED,
    SPREAD,
    BACKWARD,
    ONE_ROW,
    ONE_COLUMN,
    LAYOUTS
} layout;

/* A matrix in memory that ends (or begins) where its elements do. */
typedef struct matrix {
    void *memory, *data;
    size_t bytes;
    int64_t row, column; /* strides */
    bool at_end;
} matrix;

static matrix matrix_new(gr_dtype dtype, int64_t rows, int64_t columns, layout how, bool at_end)
{
    const int64_t row[LAYOUTS] = {columns, 1, columns + 5, 3 * columns, -columns, 0, 1};
    const int64_t column[LAYOUTS] = {1, rows, 1, 3, -1, 1, 0};
    matrix m = {.row = row[how], .column = column[how], .at_end = at_end};
    int64_t count = rows * columns > 0 ? (rows - 1) * m.row + (columns - 1) * m.column : -1;
    int64_t size = (int64_t)dtype_size(dtype);

    m.bytes = (size_t)((llabs(count) + (rows * columns > 0)) * size);
    m.memory = m.data = guarded(m.bytes, at_end);
    if (how == BACKWARD && rows * columns > 0) m.data = (char *)m.memory - count * size;
    memset(m.memory, 0xFF, m.bytes); /* NaN */
    return m;
}

static void matrix_free(matrix *m)
{
    release_guarded(m->memory, m->bytes, m->at_end);
}

/* Numbers of high entropy; or those at the limits of what there is. */
static void matrix_fill(gr_dtype dtype, matrix *m, int64_t rows, int64_t columns, bool limits,
                        uint64_t seed)
{
    static const double limit[] = {0, -0.0, INFINITY, -INFINITY, NAN, 1e-40, -1e-310, 3e38, 1};

    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < columns; j++) {
            double x = random_between(&seed, -2, 2);
            if (limits && random_bits(&seed) % 8 == 0) x = limit[random_bits(&seed) % 9];
            set(dtype, m->data, i * m->row + j * m->column, x);
        }
    }
}

typedef struct test {
    gr_dtype dtype;
    int64_t m, n, k;
    layout a, b;
    bool limits;
    int64_t step; /* every step-th element of c is checked */
} test;

static float chain_f32(const gr__product *p, const float *a, const float *b, bool fused)
{
    float sum = 0;

    for (int64_t l = 0; l < p->k; l++) {
        float x = a[l * p->a_column], y = b[l * p->b_row];
        sum = fused ? fmaf(x, y, sum) : x * y + sum;
    }
    return sum;
}

static double chain_f64(const gr__product *p, const double *a, const double *b, bool fused)
{
    double sum = 0;

    for (int64_t l = 0; l < p->k; l++) {
        double x = a[l * p->a_column], y = b[l * p->b_row];
        sum = fused ? fma(x, y, sum) : x * y + sum;
    }
    return sum;
}

/* The definition of element i of c. */
static void define(gr_dtype dtype, void *c, const gr__product *p, const void *a, const void *b,
                   int64_t i, bool fused)
{
    int64_t row = i / p->n * p->a_row, column = i % p->n * p->b_column;

    if (dtype == GR_F32)
        ((float *)c)[i] = chain_f32(p, (const float *)a + row, (const float *)b + column, fused);
    else
        ((double *)c)[i] = chain_f64(p, (const double *)a + row, (const double *)b + column, fused);
}

static void check(const test *t)
{
    bool end = (t->m + t->n + t->k + (int)t->a + (int)t->b) % 2;
    matrix a = matrix_new(t->dtype, t->m, t->k, t->a, end);
    matrix b = matrix_new(t->dtype, t->k, t->n, t->b, end);
    matrix c = matrix_new(t->dtype, t->m, t->n, ROWS, end);
    matrix want = matrix_new(t->dtype, t->m, t->n, ROWS, end);
    gr__product p = {t->m, t->n, t->k, a.row, a.column, b.row, b.column, t->n, 1};
    int64_t size = (int64_t)dtype_size(t->dtype);
    table list[3];

    matrix_fill(t->dtype, &a, t->m, t->k, t->limits, 31);
    matrix_fill(t->dtype, &b, t->k, t->n, t->limits, 37);
    for (int v = 0; v < tables(list); v++) {
        if (v == 0 || kernels[v].fused != kernels[v - 1].fused) {
            for (int64_t i = 0; i < t->m * t->n; i += t->step)
                define(t->dtype, want.data, &p, a.data, b.data, i, kernels[v].fused);
        }
        memset(c.memory, 0xFF, c.bytes);
        kernels[v].of[t->dtype](&p, c.data, a.data, b.data, 2);
        for (int64_t i = 0; i < t->m * t->n; i += t->step == 1 ? t->m * t->n : t->step)
            assert_same_bits(t->dtype, (char *)c.data + i * size, (char *)want.data + i * size,
                             t->step == 1 ? t->m * t->n : 1,
                             "%s (%d,%d) x (%d,%d) layouts %d and %d, from %d", kernels[v].isa,
                             (int)t->m, (int)t->k, (int)t->k, (int)t->n, t->a, t->b, (int)i);
        for (int64_t i = 0; i < t->m * t->n && !t->limits; i++) {
            if (isnan(get(t->dtype, c.data, i)))
                cr_assert_fail("%s: element %d is missing", kernels[v].isa, (int)i);
        }
    }
    matrix_free(&a);
    matrix_free(&b);
    matrix_free(&c);
    matrix_free(&want);
}

/* All products of these extents; each has another pair of layouts. */
static void check_small(gr_dtype dtype, bool limits)
{
    static const int64_t x[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 13, 15, 16, 17, 24, 31, 32, 33, 40};
    int n = sizeof x / sizeof *x, pair = 0;

    for (int i = 0; i < n * n * n; i++, pair = (pair + 8) % (LAYOUTS * LAYOUTS)) {
        if (x[i / n / n] == 0 && i % 7 != 0) continue;
        check(&(test){dtype, x[i % n], x[i / n % n], x[i / n / n], (layout)(pair % LAYOUTS),
                      (layout)(pair / LAYOUTS), limits, 1});
    }
}

Test(kernels_gemm, small_f32)
{
    check_small(GR_F32, false);
}

Test(kernels_gemm, small_f64)
{
    check_small(GR_F64, false);
}

/* What an edge computes beside c must not reach c: there, 0 times infinity is lurking. */
Test(kernels_gemm, limits)
{
    check_small(GR_F32, true);
    check_small(GR_F64, true);
}

typedef struct sizes {
    int64_t m, n, k;
} sizes;

/* Around the edges of blocks of rows, of columns, of k, and where other ways are chosen. */
static const sizes large[] = {{1, 300, 515},   {2, 300, 515},   {300, 1, 515},   {300, 2, 515},
                              {3, 130, 1030},  {130, 3, 1030},  {1, 1, 2000},    {129, 65, 255},
                              {128, 64, 256},  {257, 33, 257},  {32, 64, 520},   {33, 64, 520},
                              {500, 520, 4},   {500, 520, 5},   {261, 514, 3},   {520, 530, 540},
                              {530, 700, 520}, {300, 270, 900}, {1030, 560, 300}};

static void check_large(gr_dtype dtype)
{
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        sizes s = large[i];
        for (int l = 0; l<25; l += s.m * s.n> 10000 ? 6 : 1)
            check(&(test){dtype, s.m, s.n, s.k, (layout)(l % 5), (layout)(l / 5), false,
                          s.m * s.n / 700 + 1});
        check(&(test){dtype, s.m, s.n, s.k, COLUMNS, ROWS, false, s.m * s.n / 700 + 1});
        check(&(test){dtype, s.m, s.n, s.k, ROWS, COLUMNS, false, s.m * s.n / 700 + 1});
    }
}

Test(kernels_gemm, large_f32)
{
    check_large(GR_F32);
}

Test(kernels_gemm, large_f64)
{
    check_large(GR_F64);
}

/* Every element, on 1, 2, 3 and 7 threads: the same bits. */
static void check_threads(gr_dtype dtype, sizes s, layout of_a, layout of_b)
{
    matrix a = matrix_new(dtype, s.m, s.k, of_a, true), b = matrix_new(dtype, s.k, s.n, of_b, true);
    matrix one = matrix_new(dtype, s.m, s.n, ROWS, true),
           many = matrix_new(dtype, s.m, s.n, ROWS, true);
    gr__product p = {s.m, s.n, s.k, a.row, a.column, b.row, b.column, s.n, 1};
    static const int threads[] = {2, 3, 7};
    table list[3];

    matrix_fill(dtype, &a, s.m, s.k, false, 41);
    matrix_fill(dtype, &b, s.k, s.n, false, 43);
    for (int v = 0; v < tables(list); v++) {
        kernels[v].of[dtype](&p, one.data, a.data, b.data, 1);
        for (int t = 0; t < 3; t++) {
            memset(many.memory, 0xFF, many.bytes);
            kernels[v].of[dtype](&p, many.data, a.data, b.data, threads[t]);
            assert_same_bits(dtype, many.data, one.data, s.m * s.n, "%s (%d,%d,%d), %d threads",
                             kernels[v].isa, (int)s.m, (int)s.n, (int)s.k, threads[t]);
        }
    }
    matrix_free(&a);
    matrix_free(&b);
    matrix_free(&one);
    matrix_free(&many);
}

Test(kernels_gemm, threads)
{
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        for (int l = 0; l < 4; l++) {
            check_threads(GR_F32, large[i], (layout)(l % 2), (layout)(l / 2));
            check_threads(GR_F64, large[i], (layout)(l % 2), (layout)(l / 2));
        }
    }
}

/* GRADUS_GEMM=own keeps the definition where BLIS would be taken otherwise. */
Test(kernels_gemm, own_by_wish)
{
    enum { N = 700 };
    matrix a = matrix_new(GR_F64, N, N, ROWS, true), b = matrix_new(GR_F64, N, N, ROWS, true);
    matrix c = matrix_new(GR_F64, N, N, ROWS, true);
    gr__product p = {N, N, N, N, 1, N, 1, N, 1};
    table list[3];
    int last = tables(list) - 1;
    gr__array in[2] = {array_of(GR_F64, a.data, GR_SHAPE(N, N)),
                       array_of(GR_F64, b.data, GR_SHAPE(N, N))};
    gr__array out = array_of(GR_F64, c.data, GR_SHAPE(N, N));

    matrix_fill(GR_F64, &a, N, N, false, 47);
    matrix_fill(GR_F64, &b, N, N, false, 53);
    setenv("GRADUS_GEMM", "own", 1);
    list[last].kernels->matmul[GR_F64](&out, in, NULL, 2, NULL);
    for (int64_t i = 0; i < N * N; i += 997) {
        double want[1];
        gr__product element = p;
        element.n = 1;
        define(GR_F64, want, &element, (double *)a.data + i / N * N, (double *)b.data + i % N, 0,
               kernels[last].fused);
        assert_same_bits(GR_F64, (double *)c.data + i, want, 1, "element %d", (int)i);
    }
    matrix_free(&a);
    matrix_free(&b);
    matrix_free(&c);
}
