/* gather, scatter_add, take, one_hot: values against plain loops, adjoints, indices out of
 * range. */
#include "tests/common/check.h"

TestSuite(index, .init = silence);

/* Indices of a shape, from 0 to extent - 1, with repetitions. */
static gr_tensor *indices(gr_shape shape, int64_t extent, uint64_t seed)
{
    int64_t n = 1, v[256];

    for (int i = 0; i < shape.rank; i++) {
        n *= shape.dims[i];
    }
    cr_assert(n <= 256);
    for (int64_t i = 0; i < n; i++) {
        v[i] = (int64_t)((noise(seed * 999 + (uint64_t)i) + 2) / 4 * (double)extent);
    }
    return gr_from_data(GR_I64, shape, v);
}

/* Where element i of `shape` lies in a tensor that has `extent` along the axis, at `position`
 * there. */
static int64_t along_axis(gr_shape shape, int axis, int64_t i, int64_t extent, int64_t position)
{
    int64_t at = 0, stride = 1;

    for (int k = shape.rank - 1; k >= 0; k--) {
        int64_t index = i % shape.dims[k];
        i /= shape.dims[k];
        at += (k == axis ? position : index) * stride;
        stride *= k == axis ? extent : shape.dims[k];
    }
    return at;
}

static const gr_shape shapes[] = {{1, {7}}, {2, {5, 3}}, {3, {2, 1, 6}}, {3, {4, 3, 5}}};
enum { SHAPES = sizeof shapes / sizeof *shapes, EXTENT = 4, ROOM = 256 };

Test(index, gather_against_loops)
{
    for (int s = 0; s < SHAPES; s++) {
        for (int axis = 0; axis < shapes[s].rank; axis++) {
            for (gr_dtype dtype = GR_F32; dtype <= GR_I64; dtype++) {
                GR_SCOPE;
                gr_shape from = shapes[s];
                from.dims[axis] = EXTENT;
                gr_tensor *x = noise_tensor(dtype, from, 41);
                gr_tensor *index = indices(shapes[s], EXTENT, 42);
                double *v = numbers_of(x), want[ROOM];
                const int64_t *at = gr_data_i64(index);
                for (int64_t i = 0; i < gr_count(index); i++) {
                    want[i] = v[along_axis(shapes[s], axis, i, EXTENT, at[i])];
                }
                expect_near(gr_gather(x, axis, index), gr_count(index), want, 0);
                expect_near(gr_gather(x, axis - from.rank, index), gr_count(index), want, 0);
                cr_assert_eq(gr_dtype_of(gr_gather(x, axis, index)), dtype);
                free(v);
            }
        }
    }
    EXPECT_NO_LEAK();
}

/* In index order: the bits of f32 sums are those of the loop. */
Test(index, scatter_add_against_loops)
{
    for (int s = 0; s < SHAPES; s++) {
        for (int axis = 0; axis < shapes[s].rank; axis++) {
            for (gr_dtype dtype = GR_F32; dtype <= GR_I64; dtype++) {
                GR_SCOPE;
                gr_tensor *source = noise_tensor(dtype, shapes[s], 43);
                gr_tensor *index = indices(shapes[s], EXTENT, 44);
                double *v = numbers_of(source), want[ROOM] = {0};
                const int64_t *at = gr_data_i64(index);
                for (int64_t i = 0; i < gr_count(index); i++) {
                    double *w = &want[along_axis(shapes[s], axis, i, EXTENT, at[i])];
                    *w = dtype == GR_F32 ? (float)*w + (float)v[i] : *w + v[i];
                }
                gr_tensor *y = gr_scatter_add(source, axis, index, EXTENT);
                expect_near(y, gr_count(source) / shapes[s].dims[axis] * EXTENT, want, 0);
                cr_assert_eq(gr_dtype_of(y), dtype);
                cr_assert_eq(gr_dim(y, axis), EXTENT);
                free(v);
            }
        }
    }
    EXPECT_NO_LEAK();
}

Test(index, operands_of_any_layout)
{
    gr_tensor *x = noise_tensor(GR_F64, GR_SHAPE(4, 5), 45), *i = indices(GR_SHAPE(5, 3), 4, 46);
    gr_tensor *t = gr_transpose(x, 0, 1), *packed = gr_add(t, 0);
    gr_tensor *turned = gr_flip(i, GR_AXES(1)), *flat = gr_add(turned, 0);
    double *want = numbers_of(gr_gather(packed, 1, flat));

    cr_assert(gr_eval(1, &packed) && gr_eval(1, &flat));
    expect_near(gr_gather(t, 1, turned), 15, want, 0);
    expect_near(gr_gather(packed, 1, turned), 15, want, 0);
    free(want);
    gr_tensor *source = gr_expand(gr_slice(x, 0, 2, 3), GR_SHAPE(3, 5));
    gr_tensor *rows = gr_transpose(i, 0, 1);
    want = numbers_of(gr_scatter_add(gr_add(source, 0), 0, gr_add(rows, 0), 4));
    expect_near(gr_scatter_add(source, 0, rows, 4), 20, want, 0);
    free(want);
    EXPECT_NO_LEAK();
}

Test(index, take_selects_slices)
{
    gr_tensor *x = tensor(GR_F32, GR_SHAPE(3, 2), 1, 2, 3, 4, 5, 6);
    gr_tensor *i = tensor(GR_I64, GR_SHAPE(4), 2, 0, 2, 1);

    expect_numbers(gr_take(x, 0, i), 5, 6, 1, 2, 5, 6, 3, 4);
    expect_numbers(gr_take(x, -1, gr_slice(i, 0, 1, 2)), 1, 3, 5);
    expect_numbers(gr_take(gr_transpose(x, 0, 1), 1, i), 5, 1, 5, 3, 6, 2, 6, 4);
    gr_tensor *none = gr_take(x, 0, gr_full(GR_I64, GR_SHAPE(0), 0));
    cr_assert(gr_dim(none, 0) == 0 && gr_dim(none, 1) == 2 && gr_data(none));
    expect_numbers(gr_take(tensor(GR_F64, GR_SHAPE(3), 7, 8, 9), 0, i), 9, 7, 9, 8);
    EXPECT_NO_LEAK();
}

Test(index, one_hot)
{
    gr_tensor *labels = tensor(GR_I64, GR_SHAPE(2, 2), 1, 0, 2, 1);

    for (gr_dtype dtype = GR_F32; dtype <= GR_F64; dtype++) {
        gr_set_default_dtype(dtype);
        gr_tensor *y = gr_one_hot(labels, 3);
        expect_numbers(y, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0);
        cr_assert(gr_rank(y) == 3 && gr_dim(y, 2) == 3 && gr_dtype_of(y) == dtype);
    }
    expect_numbers(gr_one_hot(tensor(GR_I64, GR_SCALAR, 1), 2), 0, 1);
    cr_assert_eq(gr_count(gr_one_hot(gr_full(GR_I64, GR_SHAPE(0, 2), 0), 3)), 0);
    cr_assert_eq(gr_rank(gr_one_hot(gr_full(GR_I64, GR_SHAPE(1, 1, 1, 1, 1, 1, 1), 0), 3)), 8);
    EXPECT_NO_LEAK();
}

Test(index, nothing_to_index)
{
    gr_tensor *x = noise_tensor(GR_F64, GR_SHAPE(3, 2), 47),
              *none = gr_full(GR_I64, GR_SHAPE(0, 2), 0);

    gr_tensor *y = gr_gather(x, 0, none);
    cr_assert(gr_count(y) == 0 && gr_data(y));
    expect_numbers(gr_scatter_add(y, 0, none, 2), 0, 0, 0, 0);
    gr_tensor *empty = gr_gather(gr_full(GR_F64, GR_SHAPE(0, 2), 1), 0, none);
    cr_assert(gr_count(empty) == 0 && gr_data(empty));
    EXPECT_NO_LEAK();
}

/* ---- derivatives ---- */

/* <gather(x), y> = <x, scatter(y)> */
Test(index, gather_and_scatter_are_adjoint)
{
    for (int s = 0; s < SHAPES; s++) {
        for (int axis = 0; axis < shapes[s].rank; axis++) {
            GR_SCOPE;
            gr_shape from = shapes[s];
            from.dims[axis] = EXTENT;
            gr_tensor *x = noise_tensor(GR_F64, from, 48), *y = noise_tensor(GR_F64, shapes[s], 49);
            gr_tensor *index = indices(shapes[s], EXTENT, 50);
            double left = gr_item(gr_sum(gr_mul(gr_gather(x, axis, index), y), GR_ALL_AXES, false));
            double right = gr_item(
                gr_sum(gr_mul(x, gr_scatter_add(y, axis, index, EXTENT)), GR_ALL_AXES, false));
            cr_assert_float_eq(left, right, 1e-12);
            cr_assert_gt(fabs(left), 1e-3);
        }
    }
    EXPECT_NO_LEAK();
}

typedef struct indexing {
    int what, axis;
    const gr_tensor *index;
} indexing;

static gr_tensor *indexed(gr_tensor *const *x, int n, void *context)
{
    const indexing *c = context;
    gr_tensor *y = c->what == 0   ? gr_gather(x[0], c->axis, c->index)
                   : c->what == 1 ? gr_scatter_add(x[0], c->axis, c->index, 5)
                                  : gr_take(x[0], c->axis, c->index);
    (void)n;
    return gr_mul(gr_square(y), y);
}

Test(index, gradients)
{
    gr_tensor *x = noise_tensor(GR_F64, GR_SHAPE(3, 4), 51);
    const indexing rows[] = {
        {0, 0, gr_from_data(GR_I64, GR_SHAPE(2, 4), (int64_t[]){0, 2, 1, 1, 1, 2, 0, 1})},
        {0, 1, gr_from_data(GR_I64, GR_SHAPE(3, 2), (int64_t[]){3, 3, 0, 1, 2, 0})},
        {1, 0, indices(GR_SHAPE(3, 4), 5, 52)},
        {1, 1, indices(GR_SHAPE(3, 4), 5, 53)},
        {2, 0, tensor(GR_I64, GR_SHAPE(5), 2, 1, 0, 2, 2)},
        {2, 1, tensor(GR_I64, GR_SHAPE(2), 3, 0)},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_assert(gr_gradcheck(indexed, (void *)(uintptr_t)&rows[i], &x, 1, 3), "row %zu: %s", i,
                  gr_error_message());
    }
    EXPECT_NO_LEAK();
}

/* An element that is read several times gets the sum. */
Test(index, repeated_reads_add_up)
{
    gr_tensor *x = tensor(GR_F32, GR_SHAPE(3), 1, 2, 3), *g;
    gr_tensor *y = gr_take(x, 0, tensor(GR_I64, GR_SHAPE(4), 2, 0, 2, 2));

    cr_assert(gr_gradients(
        gr_sum(gr_mul(y, tensor(GR_F32, GR_SHAPE(4), 1, 2, 4, 8)), GR_ALL_AXES, false), &x, 1, &g));
    expect_numbers(g, 2, 0, 13);
    EXPECT_NO_LEAK();
}

/* ---- indices out of range ---- */

/* Starts with the first text; a node's name and place of creation may follow. */
static void expect_late_error(const char *want, int line)
{
    cr_assert_eq(strncmp(gr_error_message(), want, strlen(want)), 0, "line %d: got \"%s\"", line,
                 gr_error_message());
    cr_assert_eq(gr_error_code(), GR_ERROR_VALUE);
    gr_error_clear();
}

/* Indices with memory: at once. */
Test(index, known_indices_are_checked_when_the_operation_is_made)
{
    gr_tensor *x = noise_tensor(GR_F32, GR_SHAPE(2, 3), 54);
    gr_tensor *high = tensor(GR_I64, GR_SHAPE(2, 2), 0, 1, 2, 3),
              *low = tensor(GR_I64, GR_SHAPE(2), 1, -1);

    cr_assert(gr_is_error(gr_gather(x, 1, high)));
    expect_error(GR_ERROR_VALUE, "gr_gather: index: got 3 at (1,1), want 0 to 2");
    cr_assert(gr_is_error(gr_take(x, 0, low)));
    expect_error(GR_ERROR_VALUE, "gr_take: index: got -1 at (1), want 0 to 1");
    cr_assert(gr_is_error(gr_scatter_add(gr_slice(x, 1, 0, 2), 1, high, 3)));
    expect_error(GR_ERROR_VALUE, "gr_scatter_add: index: got 3 at (1,1), want 0 to 2");
    EXPECT_NO_LEAK();
}

/* Pending ones: when they are computed. What depends on them becomes an error tensor. */
Test(index, pending_indices_are_checked_by_the_kernel)
{
    gr_tensor *x = noise_tensor(GR_F32, GR_SHAPE(2, 3), 55);
    gr_tensor *high = gr_add(tensor(GR_I64, GR_SHAPE(2, 2), 0, 1, 2, 2),
                             tensor(GR_I64, GR_SHAPE(2, 2), 0, 0, 0, 1));
    gr_tensor *y = gr_gather(x, 1, high), *z = gr_exp(y);

    cr_assert_not(gr_is_error(y));
    cr_assert_null(gr_data(z));
    expect_late_error("gr_gather: index: got 3 at (1,1), want 0 to 2 (made ", __LINE__);
    cr_assert(gr_is_error(y) && gr_is_error(z));
    cr_assert(isnan(gr_item(gr_sum(z, GR_ALL_AXES, false))));
    expect_ok();
    gr_tensor *low = gr_neg(tensor(GR_I64, GR_SHAPE(2, 1), 0, 1));
    cr_assert_null(gr_data(gr_scatter_add(gr_slice(x, 1, 0, 1), 1, low, 3)));
    expect_late_error("gr_scatter_add: index: got -1 at (1,0), want 0 to 2 (made ", __LINE__);
    EXPECT_NO_LEAK();
}

/* Every index is looked at, wherever it stands, before anything is read or written. */
Test(index, every_position_is_checked)
{
    enum { N = 97 };
    gr_tensor *x = noise_tensor(GR_F64, GR_SHAPE(N), 56);

    for (int64_t bad = 0; bad < N; bad++) {
        GR_SCOPE;
        int64_t v[N] = {0};
        char want[80];
        v[bad] = INT64_MIN + bad;
        gr_tensor *index = gr_from_data(GR_I64, GR_SHAPE(N), v);
        cr_assert(gr_is_error(gr_gather(x, 0, index)));
        snprintf(want, sizeof want, "gr_gather: index: got %lld at (%lld), want 0 to 96",
                 (long long)v[bad], (long long)bad);
        expect_error(GR_ERROR_VALUE, want);
        cr_assert_null(gr_data(gr_gather(x, 0, gr_mul(index, 1))));
        expect_late_error(want, __LINE__);
    }
    EXPECT_NO_LEAK();
}

/* ---- errors ---- */

#define EXPECT_REFUSED(call, code, message) \
    do { \
        cr_assert(gr_is_error(call)); \
        expect_error(code, message); \
    } while (0)

Test(index, errors)
{
    gr_tensor *x = gr_full(GR_F32, GR_SHAPE(2, 3), 1), *i = gr_full(GR_I64, GR_SHAPE(2, 3), 0);
    gr_tensor *list = gr_full(GR_I64, GR_SHAPE(4), 0), *scalar = gr_full(GR_F32, GR_SCALAR, 1);

    EXPECT_REFUSED(gr_gather(x, 2, i), GR_ERROR_SHAPE, "gr_gather: axis: got 2, want -2 to 1");
    EXPECT_REFUSED(gr_gather(scalar, 0, i), GR_ERROR_SHAPE,
                   "gr_gather: axis: got 0, but a tensor of shape () has no axis");
    EXPECT_REFUSED(gr_gather(x, 0, x), GR_ERROR_DTYPE,
                   "gr_gather: index: got f32, want i64; convert with gr_cast");
    EXPECT_REFUSED(gr_gather(x, 0, list), GR_ERROR_SHAPE,
                   "gr_gather: index: got (4), want (2,3) but for axis 0, as x");
    EXPECT_REFUSED(gr_gather(x, 1, gr_full(GR_I64, GR_SHAPE(3, 3), 0)), GR_ERROR_SHAPE,
                   "gr_gather: index: got (3,3), want (2,3) but for axis 1, as x");
    EXPECT_REFUSED(gr_gather(NULL, 0, i), GR_ERROR_VALUE, "gr_gather: x: got NULL, want a tensor");
    EXPECT_REFUSED(gr_gather(x, 0, NULL), GR_ERROR_VALUE,
                   "gr_gather: index: got NULL, want a tensor");
    EXPECT_REFUSED(gr_scatter_add(x, -3, i, 4), GR_ERROR_SHAPE,
                   "gr_scatter_add: axis: got -3, want -2 to 1");
    EXPECT_REFUSED(gr_scatter_add(x, 0, list, 4), GR_ERROR_SHAPE,
                   "gr_scatter_add: index: got (4), want (2,3) as source");
    EXPECT_REFUSED(gr_scatter_add(x, 0, i, -4), GR_ERROR_VALUE,
                   "gr_scatter_add: extent: got -4, want 0 or more");
    EXPECT_REFUSED(gr_scatter_add(x, 0, x, 4), GR_ERROR_DTYPE,
                   "gr_scatter_add: index: got f32, want i64; convert with gr_cast");
    EXPECT_REFUSED(gr_scatter_add(NULL, 0, i, 4), GR_ERROR_VALUE,
                   "gr_scatter_add: source: got NULL, want a tensor");
    EXPECT_REFUSED(gr_take(x, 2, list), GR_ERROR_SHAPE, "gr_take: axis: got 2, want -2 to 1");
    EXPECT_REFUSED(gr_take(x, 0, x), GR_ERROR_DTYPE,
                   "gr_take: index: got f32, want i64; convert with gr_cast");
    EXPECT_REFUSED(gr_take(NULL, 0, list), GR_ERROR_VALUE, "gr_take: x: got NULL, want a tensor");
    EXPECT_REFUSED(gr_one_hot(x, 3), GR_ERROR_DTYPE,
                   "gr_one_hot: index: got f32, want i64; convert with gr_cast");
    EXPECT_REFUSED(gr_one_hot(NULL, 3), GR_ERROR_VALUE,
                   "gr_one_hot: index: got NULL, want a tensor");
    gr_tensor *deep = gr_full(GR_I64, GR_SHAPE(1, 1, 1, 1, 1, 1, 1, 2), 0);
    EXPECT_REFUSED(gr_one_hot(deep, 3), GR_ERROR_SHAPE,
                   "gr_one_hot: index: got (1,1,1,1,1,1,1,2), want a rank of 7 at most");
    EXPECT_NO_LEAK();
}
