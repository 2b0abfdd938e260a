/* matmul against the definition in higher precision, for every layout of the operands, with memory
 * around them that must be neither read nor written. */
#include "tests/kernels/help.h"

#include <float.h>

extern gr__opaque_kernel gr__matmul_naive_f32_v1, gr__matmul_naive_f64_v1;

typedef enum layout {
    ROWS,      /* rows are contiguous */
    COLUMNS,   /* columns are: a transposed matrix */
    SPREAD,    /* neither: every third element, rows 5 elements longer than need be */
    BACKWARD,  /* flipped both ways */
    ONE_ROW,   /* one row seen many times: a stride of 0 */
    ONE_COLUMN /* one column seen many times */
} layout;

enum { LAYOUTS = 6 };

/* Elements that a matrix of this layout spans, and its element (0, 0) among them. */
static int64_t span(int64_t rows, int64_t columns, layout how)
{
    if (rows == 0 || columns == 0) return 0;
    if (how == SPREAD) return (rows - 1) * (3 * columns + 5) + 3 * (columns - 1) + 1;
    if (how == ONE_ROW) return columns;
    if (how == ONE_COLUMN) return rows;
    return rows * columns;
}

/* The matrix in the last two axes of an array, over memory of its span. */
static void lay_out(gr__array *a, void *memory, layout how)
{
    int row = a->rank - 2, column = a->rank - 1;
    int64_t rows = a->dims[row], columns = a->dims[column];
    static const int64_t none[2] = {0, 0};
    int64_t strides[LAYOUTS][2] = {{columns, 1},   {1, rows}, {3 * columns + 5, 3},
                                   {-columns, -1}, {0, 1},    {1, 0}};
    const int64_t *s = rows * columns > 0 ? strides[how] : none;

    a->strides[row] = s[0];
    a->strides[column] = s[1];
    a->data = memory;
    if (how == BACKWARD && rows * columns > 0)
        a->data = (char *)memory + (size_t)(rows * columns - 1) * dtype_size(a->dtype);
}

/* |got - want| <= (k + 2) eps sum |a b|: holds for sums in any order. */
static void check_element(const char *what, const gr__array *c, const gr__array *in, int64_t i,
                          int64_t j, int64_t offset_a, int64_t offset_b, int64_t offset_c)
{
    const gr__array *a = &in[0], *b = &in[1];
    int row = c->rank - 2, column = c->rank - 1;
    int64_t k = a->dims[column];
    double epsilon = c->dtype == GR_F32 ? (double)FLT_EPSILON : DBL_EPSILON;
    long double want = 0, size = 0;

    for (int64_t l = 0; l < k; l++) {
        int64_t x = offset_a + i * a->strides[row] + l * a->strides[column];
        int64_t y = offset_b + l * b->strides[row] + j * b->strides[column];
        long double p = (long double)get(a->dtype, a->data, x) * get(b->dtype, b->data, y);
        want += p;
        size += fabsl(p);
    }
    long double got = get(c->dtype, c->data, offset_c + i * c->dims[column] + j);
    if (!(fabsl(got - want) <= (long double)(k + 2) * epsilon / 2 * size))
        cr_assert_fail("%s: (%d,%d) is %.9Lg, want %.9Lg", what, (int)i, (int)j, got, want);
}

typedef struct sizes {
    int64_t m, n, k;
} sizes;

/* Operands and result at the very end (or beginning) of what may be touched. */
static void check_product(const table *t, gr__opaque_kernel *kernel, gr_dtype dtype, sizes s,
                          layout of_a, layout of_b, bool at_end)
{
    size_t size = dtype_size(dtype);
    int64_t count[3] = {span(s.m, s.k, of_a), span(s.k, s.n, of_b), s.m * s.n};
    gr__array in[2] = {array_of(dtype, NULL, GR_SHAPE(s.m, s.k)),
                       array_of(dtype, NULL, GR_SHAPE(s.k, s.n))};
    gr__array c = array_of(dtype, NULL, GR_SHAPE(s.m, s.n));
    void *memory[3];
    char what[100];

    for (int i = 0; i < 3; i++) {
        memory[i] = guarded((size_t)count[i] * size, at_end);
        fill(dtype, memory[i], count[i], -2, 2, 31 + (uint64_t)i);
    }
    lay_out(&in[0], memory[0], of_a);
    lay_out(&in[1], memory[1], of_b);
    c.data = memory[2];
    kernel(&c, in, NULL, 2, NULL);
    snprintf(what, sizeof what, "%s %s (%d,%d) x (%d,%d), layouts %d %d", t->isa, dtype_name(dtype),
             (int)s.m, (int)s.k, (int)s.k, (int)s.n, of_a, of_b);
    for (int64_t i = 0; i < s.m; i++)
        for (int64_t j = 0; j < s.n; j++) check_element(what, &c, in, i, j, 0, 0, 0);
    for (int i = 0; i < 3; i++) munmap_guarded(memory[i], (size_t)count[i] * size, at_end);
}

static const int64_t extents[] = {0, 1, 2, 3, 7, 16, 33, 64};
enum { EXTENTS = sizeof extents / sizeof *extents };

static void check_layouts(gr_dtype dtype, sizes s)
{
    FOR_EACH_TABLE(t)
    {
        for (int a = 0; a < LAYOUTS; a++)
            for (int b = 0; b < LAYOUTS; b++)
                check_product(t, t->kernels->matmul[dtype], dtype, s, (layout)a, (layout)b,
                              (a + b) % 2 == 0);
    }
}

static void check_extents(gr_dtype dtype)
{
    for (int m = 0; m < EXTENTS; m++)
        for (int n = 0; n < EXTENTS; n++)
            for (int k = 0; k < EXTENTS; k++) {
                FOR_EACH_TABLE(t)
                {
                    check_product(t, t->kernels->matmul[dtype], dtype,
                                  (sizes){extents[m], extents[n], extents[k]}, (layout)(m + k) % 2,
                                  (layout)(n + k) % 2, n % 2);
                }
            }
}
