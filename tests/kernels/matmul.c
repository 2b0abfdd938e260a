/* matmul against the definition in higher precision, for every layout of the operands, with pages
 * around all three matrices that nobody may touch and NaN between their rows. */
#include "tests/kernels/help.h"

#include <float.h>

typedef enum layout {
    ROWS,       /* rows are contiguous */
    COLUMNS,    /* columns are: a transposed matrix */
    SLICED,     /* rows are, and lie 5 elements apart */
    SPREAD,     /* neither: every third element */
    BACKWARD,   /* flipped both ways */
    ONE_ROW,    /* one row seen many times: a stride of 0 */
    ONE_COLUMN, /* one column seen many times */
    LAYOUTS
} layout;

static int64_t row_stride(int64_t rows, int64_t columns, layout how)
{
    const int64_t stride[LAYOUTS] = {columns, 1, columns + 5, 3 * columns * rows, -columns, 0, 1};
    (void)rows;
    return stride[how];
}

static int64_t column_stride(int64_t rows, layout how)
{
    const int64_t stride[LAYOUTS] = {1, rows, 1, 3, -1, 1, 0};
    return stride[how];
}

/* A matrix of high entropy in memory that ends (or begins) where its elements do. */
typedef struct matrix {
    gr__array array;
    void *memory;
    size_t bytes;
    bool at_end;
} matrix;

static matrix matrix_new(gr_dtype dtype, int64_t rows, int64_t columns, layout how, bool at_end,
                         uint64_t seed)
{
    matrix m = {.array = array_of(dtype, NULL, GR_SHAPE(rows, columns)), .at_end = at_end};
    int64_t last, *strides = m.array.strides;

    strides[0] = row_stride(rows, columns, how);
    strides[1] = column_stride(rows, how);
    last = rows * columns > 0 ? (rows - 1) * strides[0] + (columns - 1) * strides[1] : -1;
    m.bytes = (size_t)(llabs(last) + (rows * columns > 0)) * dtype_size(dtype);
    m.memory = guarded(m.bytes, at_end);
    m.array.data = m.memory;
    if (how == BACKWARD) m.array.data = (char *)m.memory - last * (int64_t)dtype_size(dtype);
    memset(m.memory, 0xFF, m.bytes); /* NaN */
    for (int64_t i = 0; i < rows * columns; i++)
        set(dtype, m.array.data, offset_of(&m.array, i), random_between(&seed, -2, 2));
    return m;
}

static void matrix_free(matrix *m)
{
    release_guarded(m->memory, m->bytes, m->at_end);
}

/* |c - sum a b| <= (k + 2) ulp sum |a b|, which holds for a sum in any order. */
static void check_element(const char *what, const gr__array *c, const gr__array *a,
                          const gr__array *b, int64_t i, int64_t j)
{
    long double want = 0, size = 0, got = get(c->dtype, c->data, i * c->strides[0] + j);
    long double ulp = c->dtype == GR_F32 ? FLT_EPSILON / 2 : DBL_EPSILON / 2;

    for (int64_t l = 0; l < a->dims[1]; l++) {
        long double x = get(a->dtype, a->data, i * a->strides[0] + l * a->strides[1]);
        long double y = get(b->dtype, b->data, l * b->strides[0] + j * b->strides[1]);
        want += x * y;
        size += fabsl(x * y);
    }
    if (!(fabsl(got - want) <= (long double)(a->dims[1] + 2) * ulp * size))
        cr_assert_fail("%s: element (%d,%d) is %.9Lg, want %.9Lg", what, (int)i, (int)j, got, want);
}

typedef struct sizes {
    int64_t m, n, k;
} sizes;

static void check_product(const table *t, gr_dtype dtype, sizes s, layout of_a, layout of_b,
                          int64_t step)
{
    bool at_end = (s.m + of_a + of_b) % 2;
    matrix a = matrix_new(dtype, s.m, s.k, of_a, at_end, 31);
    matrix b = matrix_new(dtype, s.k, s.n, of_b, at_end, 37);
    matrix c = matrix_new(dtype, s.m, s.n, ROWS, at_end, 41);
    char what[100];

    snprintf(what, sizeof what, "%s %s (%d,%d) x (%d,%d), layouts %d and %d", t->isa,
             dtype_name(dtype), (int)s.m, (int)s.k, (int)s.k, (int)s.n, of_a, of_b);
    t->kernels->matmul[dtype](&c.array, (gr__array[]){a.array, b.array}, NULL, 2, NULL);
    for (int64_t i = 0; i < s.m * s.n; i += step)
        check_element(what, &c.array, &a.array, &b.array, i / s.n, i % s.n);
    matrix_free(&a);
    matrix_free(&b);
    matrix_free(&c);
}

/* All products of these extents, each with every fifth pair of layouts. */
static void check_small(gr_dtype dtype)
{
    static const int64_t x[] = {0, 1, 2, 3, 7, 16, 33, 64};
    int n = sizeof x / sizeof *x;

    FOR_EACH_TABLE(t)
    {
        for (int i = 0; i < n * n * n; i++) {
            sizes s = {x[i % n], x[i / n % n], x[i / n / n]};
            for (int l = i % 5; l < LAYOUTS * LAYOUTS; l += 5)
                check_product(t, dtype, s, (layout)(l % LAYOUTS), (layout)(l / LAYOUTS), 1);
        }
    }
}

Test(kernels_matmul, small_f32)
{
    check_small(GR_F32);
}

Test(kernels_matmul, small_f64)
{
    check_small(GR_F64);
}

/* Beyond every border inside the kernels: blocks of rows, of columns, of k. */
Test(kernels_matmul, large)
{
    static const sizes s[] = {{300, 33, 9},   {130, 100, 300}, {2, 70, 1100}, {70, 2, 1100},
                              {1, 600, 520},  {600, 1, 520},   {9, 33, 1030}, {33, 9, 1030},
                              {1, 1, 5000},   {20, 48, 300},   {20, 24, 300}, {3, 5000, 3},
                              {700, 500, 600}};

    FOR_EACH_TABLE(t)
    {
        for (size_t i = 0; i < sizeof s / sizeof *s; i++) {
            int64_t step = 1 + s[i].m * s[i].n / 2000; /* about 2000 elements of each */
            for (int l = 0; l < 9; l++) {
                check_product(t, GR_F32, s[i], (layout)(l % 3), (layout)(l / 3), step);
                check_product(t, GR_F64, s[i], (layout)(l % 3), (layout)(l / 3), step);
            }
        }
    }
}

/* ---- batches ---- */

/* (4,1,m,k) x (1,3,k,n), both expanded to (4,3, ...) by strides of 0; each product against its
 * own. */
Test(kernels_matmul, batches)
{
    static double a[4 * 5 * 7], b[3 * 7 * 9], c[4 * 3 * 5 * 9], one[5 * 9];

    fill(GR_F64, a, 4 * 5 * 7, -2, 2, 3);
    fill(GR_F64, b, 3 * 7 * 9, -2, 2, 5);
    FOR_EACH_TABLE(t)
    {
        gr__array in[2] = {array_of(GR_F64, a, GR_SHAPE(4, 3, 5, 7)),
                           array_of(GR_F64, b, GR_SHAPE(4, 3, 7, 9))};
        gr__array out = array_of(GR_F64, c, GR_SHAPE(4, 3, 5, 9));
        in[0].strides[0] = 5 * 7, in[0].strides[1] = 0, in[1].strides[0] = 0;
        for (int threads = 1; threads <= 3; threads++) {
            memset(c, 0xFF, sizeof c);
            t->kernels->matmul[GR_F64](&out, in, NULL, threads, NULL);
            for (int i = 0; i < 12; i++) {
                gr__array x = array_of(GR_F64, a + i / 3 * 35, GR_SHAPE(5, 7));
                gr__array y = array_of(GR_F64, b + i % 3 * 63, GR_SHAPE(7, 9));
                gr__array z = array_of(GR_F64, one, GR_SHAPE(5, 9));
                t->kernels->matmul[GR_F64](&z, (gr__array[]){x, y}, NULL, 1, NULL);
                assert_same_bits(GR_F64, c + i * 45, one, 45, "%s, product %d", t->isa, i);
            }
        }
    }
}

/* ---- threads ---- */

static void check_threads(const table *t, gr_dtype dtype, int64_t count, sizes s, layout of_b)
{
    size_t size = dtype_size(dtype);
    int64_t elements = count * s.m * s.n;
    void *a = malloc((size_t)(count * s.m * s.k) * size), *b = malloc((size_t)(s.k * s.n) * size);
    void *one = malloc((size_t)elements * size), *many = malloc((size_t)elements * size);
    gr__array in[2] = {array_of(dtype, a, GR_SHAPE(count, s.m, s.k)),
                       array_of(dtype, b, GR_SHAPE(count, s.k, s.n))};
    gr__array out = array_of(dtype, one, GR_SHAPE(count, s.m, s.n));

    fill(dtype, a, count * s.m * s.k, -2, 2, 3);
    fill(dtype, b, s.k * s.n, -2, 2, 5);
    in[1].strides[0] = 0;
    if (of_b == COLUMNS) in[1].strides[1] = 1, in[1].strides[2] = s.k;
    t->kernels->matmul[dtype](&out, in, NULL, 1, NULL);
    out.data = many;
    for (int threads = 2; threads <= 7; threads += 2 + threads / 4) {
        memset(many, 0xFF, (size_t)elements * size);
        t->kernels->matmul[dtype](&out, in, NULL, threads, NULL);
        assert_same_bits(dtype, many, one, elements, "%s (%d,%d) x (%d,%d), %d threads", t->isa,
                         (int)s.m, (int)s.k, (int)s.k, (int)s.n, threads);
    }
    free(a);
    free(b);
    free(one);
    free(many);
}

Test(kernels_matmul, threads_do_not_matter)
{
    FOR_EACH_TABLE(t)
    {
        for (int dtype = GR_F32; dtype <= GR_F64; dtype++) {
            for (int b = ROWS; b <= COLUMNS; b++) {
                check_threads(t, (gr_dtype)dtype, 1, (sizes){520, 530, 540}, (layout)b);
                check_threads(t, (gr_dtype)dtype, 1, (sizes){200, 300, 100}, (layout)b);
                check_threads(t, (gr_dtype)dtype, 1, (sizes){2, 3000, 400}, (layout)b);
                check_threads(t, (gr_dtype)dtype, 20, (sizes){40, 50, 60}, (layout)b);
            }
        }
    }
}

/* ---- the definition ---- */

extern gr__opaque_kernel gr__matmul_naive_f32_v1, gr__matmul_naive_f64_v1;

/* Sums of small integers are exact in any order, so the kernels must agree with the naive loop. */
Test(kernels_matmul, agrees_with_the_naive_loop)
{
    static float a[33 * 40], b[40 * 20], c[33 * 20], naive[33 * 20];
    gr__array in[2] = {array_of(GR_F32, a, GR_SHAPE(33, 40)),
                       array_of(GR_F32, b, GR_SHAPE(40, 20))};
    gr__array out = array_of(GR_F32, naive, GR_SHAPE(33, 20));

    for (int i = 0; i < 33 * 40; i++) a[i] = (float)(i * 7 % 19 - 9);
    for (int i = 0; i < 40 * 20; i++) b[i] = (float)(i * 5 % 23 - 11);
    gr__matmul_naive_f32_v1(&out, in, NULL, 1, NULL);
    out.data = c;
    FOR_EACH_TABLE(t)
    {
        t->kernels->matmul[GR_F32](&out, in, NULL, 1, NULL);
        assert_same_bits(GR_F32, c, naive, 33 * 20, "%s", t->isa);
    }
}

/* (1 2; 3 4; 5 6) (7 8 9; 10 11 12) by hand. */
Test(kernels_matmul, by_hand)
{
    double a[] = {1, 2, 3, 4, 5, 6}, b[] = {7, 8, 9, 10, 11, 12}, c[9];
    static const double want[] = {27, 30, 33, 61, 68, 75, 95, 106, 117};
    gr__array in[2] = {array_of(GR_F64, a, GR_SHAPE(3, 2)), array_of(GR_F64, b, GR_SHAPE(2, 3))};
    gr__array out = array_of(GR_F64, c, GR_SHAPE(3, 3));

    gr__matmul_naive_f64_v1(&out, in, NULL, 1, NULL);
    assert_same_bits(GR_F64, c, want, 9, "naive");
    FOR_EACH_TABLE(t)
    {
        t->kernels->matmul[GR_F64](&out, in, NULL, 1, NULL);
        assert_same_bits(GR_F64, c, want, 9, "%s", t->isa);
    }
}

/* What pads a thin product to whole lanes is 0 on both sides: infinity times 0 would be NaN. */
Test(kernels_matmul, padding_is_zero)
{
    static float a[532], b[532];
    float c;
    gr__array in[2] = {array_of(GR_F32, a, GR_SHAPE(1, 532)),
                       array_of(GR_F32, b, GR_SHAPE(532, 1))};
    gr__array out = array_of(GR_F32, &c, GR_SHAPE(1, 1));

    fill(GR_F32, a, 532, 1, 2, 3);
    fill(GR_F32, b, 532, 1, 2, 5);
    for (int i = 0; i < 512; i++) a[i] = INFINITY;
    FOR_EACH_TABLE(t)
    {
        t->kernels->matmul[GR_F32](&out, in, NULL, 1, NULL);
        cr_assert_eq(c, INFINITY, "%s: %g", t->isa, (double)c);
    }
}

/* A row with a NaN or an infinity spoils its own row of c and no other. */
Test(kernels_matmul, non_finite_numbers_stay_in_their_row)
{
    FOR_EACH_TABLE(t)
    {
        for (int n = 1; n <= 40; n += 3) {
            float a[3 * 5], b[5 * 40], c[3 * 40];
            gr__array in[2] = {array_of(GR_F32, a, GR_SHAPE(3, 5)),
                               array_of(GR_F32, b, GR_SHAPE(5, n))};
            gr__array out = array_of(GR_F32, c, GR_SHAPE(3, n));
            fill(GR_F32, a, 15, 1, 2, 3);
            fill(GR_F32, b, 5 * n, 1, 2, 5);
            a[1] = INFINITY;
            a[2 * 5 + 4] = NAN;
            t->kernels->matmul[GR_F32](&out, in, NULL, 1, NULL);
            for (int j = 0; j < n; j++) {
                cr_assert_eq(c[j], INFINITY);
                cr_assert(isfinite(c[n + j]));
                cr_assert(isnan(c[2 * n + j]));
            }
        }
    }
}
