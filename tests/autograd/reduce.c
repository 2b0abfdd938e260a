/* Reductions against plain loops: every set of axes, nothing to reduce, ties, NaN. */
#include "tests/common/check.h"

TestSuite(reduce, .init = silence);

typedef gr_tensor *reduction(const gr_tensor *x, gr_axes axes, bool keepdim);

static double plus(double a, double b)
{
    return a + b;
}

static double larger(double a, double b)
{
    return isnan(a) || a > b ? a : b;
}

static double smaller(double a, double b)
{
    return isnan(a) || a < b ? a : b;
}

typedef struct row {
    const char *name;
    reduction *f;
    double start, (*fold)(double, double);
    bool average;
} row;

static const row rows[] = {
    {"gr_sum", gr_sum, 0, plus, false},
    {"gr_mean", gr_mean, 0, plus, true},
    {"gr_max", gr_max, -INFINITY, larger, false},
    {"gr_min", gr_min, INFINITY, smaller, false},
};
enum { ROWS = sizeof rows / sizeof *rows };

static gr_axes axes_of(int mask)
{
    gr_axes axes = {.count = 0};

    for (int i = 0; i < GR_MAX_RANK; i++) {
        if (mask >> i & 1) {
            axes.axis[axes.count++] = i;
        }
    }
    return axes;
}

/* Element i of a shape falls on this element once the axes of mask have gone. */
static int64_t target_of(gr_shape shape, int mask, int64_t i)
{
    int64_t at = 0, stride = 1;

    for (int k = shape.rank - 1; k >= 0; k--) {
        int64_t index = i % shape.dims[k];
        i /= shape.dims[k];
        if (!(mask >> k & 1)) {
            at += index * stride;
            stride *= shape.dims[k];
        }
    }
    return at;
}

static void check_reduction(const row *r, const gr_tensor *x, int mask, double tolerance)
{
    gr_shape shape = gr_shape_of(x);
    double *numbers = numbers_of(x), *want = malloc((size_t)(gr_count(x) + 1) * sizeof *want);
    int64_t count = 1, n = 1;
    gr_shape kept = {.rank = shape.rank};

    for (int k = 0; k < shape.rank; k++) {
        *(mask >> k & 1 ? &n : &count) *= shape.dims[k];
        kept.dims[k] = mask >> k & 1 ? 1 : shape.dims[k];
    }
    for (int64_t i = 0; i < count; i++) {
        want[i] = r->start;
    }
    for (int64_t i = 0; i < gr_count(x); i++) {
        double *w = &want[target_of(shape, mask, i)];
        *w = r->fold(*w, numbers[i]);
    }
    for (int64_t i = 0; r->average && i < count; i++) {
        want[i] /= (double)n;
    }
    gr_tensor *plain = r->f(x, axes_of(mask), false), *same_rank = r->f(x, axes_of(mask), true);
    expect_near(plain, count, want, tolerance);
    expect_near(same_rank, count, want, tolerance);
    cr_assert_eq(gr_rank(same_rank), shape.rank, "%s", r->name);
    cr_assert_eq(gr_rank(plain), shape.rank - __builtin_popcount((unsigned)mask), "%s", r->name);
    for (int k = 0, j = 0; k < shape.rank; k++) {
        cr_assert_eq(gr_dim(same_rank, k), kept.dims[k], "%s: axis %d", r->name, k);
        if (!(mask >> k & 1)) {
            cr_assert_eq(gr_dim(plain, j++), shape.dims[k], "%s: axis %d", r->name, k);
        }
    }
    free(numbers), free(want);
}

Test(reduce, every_set_of_axes)
{
    static const gr_shape shapes[] = {
        {3, {3, 1, 7}}, {3, {1, 5, 2}}, {3, {4, 3, 1}}, {0, {0}}, {4, {2, 3, 1, 5}}};
    static const double tolerance[] = {[GR_F32] = 2e-6, [GR_F64] = 2e-15, [GR_I64] = 0};

    for (int r = 0; r < ROWS; r++) {
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
            for (gr_dtype dtype = GR_F32; dtype <= GR_I64; dtype++) {
                GR_SCOPE;
                gr_tensor *x = noise_tensor(dtype, shapes[s], 11);
                for (int mask = 0; mask < 1 << shapes[s].rank; mask++) {
                    if (!rows[r].average || dtype != GR_I64) {
                        check_reduction(&rows[r], x, mask, tolerance[dtype]);
                    }
                }
            }
        }
    }
    EXPECT_NO_LEAK();
}

Test(reduce, large_and_of_any_layout)
{
    for (int r = 0; r < ROWS; r++) {
        GR_SCOPE;
        gr_tensor *x = noise_tensor(GR_F64, GR_SHAPE(37, 3, 1031), 12);
        gr_tensor *views[] = {x, gr_permute(x, GR_AXES(2, 0, 1)), gr_flip(x, GR_AXES(0, 2)),
                              gr_slice(x, 2, 5, 1030),
                              gr_expand(gr_slice(x, 1, 2, 3), GR_SHAPE(37, 4, 1031))};
        for (size_t v = 0; v < sizeof views / sizeof *views; v++) {
            for (int mask = 1; mask < 8; mask++) {
                check_reduction(&rows[r], views[v], mask, 1e-12);
            }
        }
    }
    EXPECT_NO_LEAK();
}

Test(reduce, negative_axes_and_all)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2, 3), 1, 2, 3, 4, 5, 6);

    expect_numbers(gr_sum(x, GR_AXES(-1), false), 6, 15);
    expect_numbers(gr_sum(x, GR_AXES(-2), false), 5, 7, 9);
    expect_numbers(gr_sum(x, GR_AXES(1, -2), false), 21);
    expect_numbers(gr_max(x, GR_ALL_AXES, true), 6);
    cr_assert_eq(gr_rank(gr_max(x, GR_ALL_AXES, true)), 2);
    EXPECT_NO_LEAK();
}

/* ---- nothing to reduce ---- */

Test(reduce, of_nothing)
{
    gr_tensor *x = gr_full(GR_F64, GR_SHAPE(2, 0), 1), *y = gr_full(GR_F64, GR_SHAPE(0, 3), 1), *g;

    expect_numbers(gr_sum(x, GR_AXES(1), false), 0, 0);
    expect_numbers(gr_mean(x, GR_AXES(1), false), 0, 0);
    expect_numbers(gr_mean(x, GR_ALL_AXES, false), 0);
    expect_numbers(gr_sum(gr_full(GR_I64, GR_SHAPE(2, 0), 1), GR_AXES(1), true), 0, 0);
    for (int r = 0; r < ROWS; r++) {
        gr_tensor *none = rows[r].f(y, GR_AXES(1), false);
        cr_assert(gr_count(none) == 0 && gr_rank(none) == 1 && gr_data(none), "%s", rows[r].name);
    }
    cr_assert_eq(gr_count(gr_argmax(y, 1, false)), 0);
    cr_assert(gr_gradients(gr_mean(x, GR_ALL_AXES, false), &x, 1, &g), "%s", gr_error_message());
    cr_assert(gr_count(g) == 0 && gr_dim(g, 0) == 2);

    cr_assert(gr_is_error(gr_max(x, GR_AXES(1), false)));
    expect_error(GR_ERROR_SHAPE, "gr_max: x: got (2,0), want at least one element to choose");
    cr_assert(gr_is_error(gr_min(x, GR_ALL_AXES, true)));
    expect_error(GR_ERROR_SHAPE, "gr_min: x: got (2,0), want at least one element to choose");
    cr_assert(gr_is_error(gr_argmax(x, 1, false)));
    expect_error(GR_ERROR_SHAPE, "gr_argmax: x: got (2,0), want at least one element to choose");
    cr_assert(gr_is_error(gr_argmin(x, -1, true)));
    expect_error(GR_ERROR_SHAPE, "gr_argmin: x: got (2,0), want at least one element to choose");
    EXPECT_NO_LEAK();
}

/* ---- ties and NaN ---- */

static gr_tensor *slope_of(gr_tensor *y, gr_tensor *x)
{
    gr_tensor *g;

    cr_assert(gr_gradients(gr_sum(y, GR_ALL_AXES, false), &x, 1, &g), "%s", gr_error_message());
    return g;
}

Test(reduce, ties_share_evenly)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2, 4), 3, 1, 3, 3, -2, -2, 5, -2);
    double third = 1.0 / 3;

    expect_numbers(slope_of(gr_max(x, GR_AXES(1), false), x), third, 0, third, third, 0, 0, 1, 0);
    expect_numbers(slope_of(gr_min(x, GR_AXES(1), true), x), 0, 1, 0, 0, third, third, 0, third);
    expect_numbers(slope_of(gr_max(x, GR_AXES(0), false), x), 1, 1, 0, 1, 0, 0, 1, 0);
    gr_tensor *same = gr_full(GR_F64, GR_SHAPE(2, 2), 4);
    expect_numbers(slope_of(gr_max(same, GR_ALL_AXES, false), same), 0.25, 0.25, 0.25, 0.25);
    EXPECT_NO_LEAK();
}

Test(reduce, nan_wins_wherever_it_stands)
{
    for (int at = 0; at < 40; at++) {
        GR_SCOPE;
        double numbers[40];
        for (int i = 0; i < 40; i++) {
            numbers[i] = i == at ? NAN : noise((uint64_t)i);
        }
        for (gr_dtype dtype = GR_F32; dtype <= GR_F64; dtype++) {
            gr_tensor *x = tensor_of(dtype, GR_SHAPE(40), numbers);
            expect_numbers(gr_max(x, GR_ALL_AXES, false), NAN);
            expect_numbers(gr_min(x, GR_ALL_AXES, false), NAN);
            expect_numbers(gr_argmax(x, 0, false), at);
            expect_numbers(gr_argmin(x, 0, false), at);
        }
    }
    EXPECT_NO_LEAK();
}

Test(reduce, infinities)
{
    gr_tensor *x = tensor(GR_F32, GR_SHAPE(2, 2), -INFINITY, -INFINITY, INFINITY, 1);

    expect_numbers(gr_max(x, GR_AXES(1), false), -INFINITY, INFINITY);
    expect_numbers(gr_min(x, GR_AXES(1), false), -INFINITY, 1);
    expect_numbers(gr_sum(x, GR_AXES(1), false), -INFINITY, INFINITY);
    expect_numbers(gr_sum(x, GR_ALL_AXES, false), NAN);
    expect_numbers(gr_argmax(x, 1, false), 0, 0);
    gr_tensor *limits = gr_from_data(GR_I64, GR_SHAPE(2), (int64_t[]){INT64_MIN, INT64_MAX});
    expect_bits(GR_I64, 1, gr_data_i64(gr_max(limits, GR_ALL_AXES, false)), (&(int64_t){INT64_MAX}),
                "max");
    expect_bits(GR_I64, 1, gr_data_i64(gr_min(limits, GR_ALL_AXES, false)), (&(int64_t){INT64_MIN}),
                "min");
    EXPECT_NO_LEAK();
}

/* ---- positions ---- */

Test(reduce, positions_are_the_first_on_ties)
{
    for (gr_dtype dtype = GR_F32; dtype <= GR_I64; dtype++) {
        gr_tensor *x = tensor(dtype, GR_SHAPE(2, 4), 1, 3, 3, 0, -2, -5, -5, -2);
        expect_numbers(gr_argmax(x, 1, false), 1, 0);
        expect_numbers(gr_argmin(x, 1, false), 3, 1);
        expect_numbers(gr_argmax(x, 0, false), 0, 0, 0, 0);
        expect_numbers(gr_argmin(x, -2, false), 1, 1, 1, 1);
        gr_tensor *kept = gr_argmax(x, -1, true);
        cr_assert(gr_rank(kept) == 2 && gr_dim(kept, 1) == 1 && gr_dtype_of(kept) == GR_I64);
        expect_numbers(gr_argmax(gr_transpose(x, 0, 1), 0, false), 1, 0);
        expect_numbers(gr_argmax(gr_flip(x, GR_AXES(1)), 1, false), 1, 0);
    }
    EXPECT_NO_LEAK();
}

Test(reduce, positions_against_loops)
{
    gr_tensor *x = noise_tensor(GR_F64, GR_SHAPE(5, 33, 7), 13);
    double *v = numbers_of(x), most[35], least[35];

    for (int i = 0; i < 35; i++) {
        int a = 0, b = 0;
        const double *column = v + i / 7 * 231 + i % 7;
        for (int j = 1; j < 33; j++) {
            a = column[j * 7] > column[a * 7] ? j : a;
            b = column[j * 7] < column[b * 7] ? j : b;
        }
        most[i] = a;
        least[i] = b;
    }
    expect_near(gr_argmax(x, 1, false), 35, most, 0);
    expect_near(gr_argmin(x, 1, true), 35, least, 0);
    free(v);
    EXPECT_NO_LEAK();
}

Test(reduce, positions_carry_no_gradient)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(3), 1, 3, 2);
    gr_tensor *y = gr_mul(gr_cast(gr_argmax(x, 0, false), GR_F64), gr_sum(x, GR_ALL_AXES, false));

    expect_numbers(slope_of(y, x), 1, 1, 1);
    EXPECT_NO_LEAK();
}

/* ---- derivatives ---- */

typedef struct choice {
    const row *r;
    int mask;
    bool keepdim;
} choice;

static gr_tensor *reduced_cube(gr_tensor *const *x, int n, void *context)
{
    const choice *c = context;

    (void)n;
    return gr_mul(c->r->f(gr_mul(gr_square(x[0]), x[0]), axes_of(c->mask), c->keepdim), x[1]);
}

Test(reduce, gradients)
{
    for (int r = 0; r < ROWS; r++) {
        for (int mask = 0; mask < 8; mask++) {
            GR_SCOPE;
            choice c = {&rows[r], mask, mask & 1};
            gr_tensor *x[] = {noise_tensor(GR_F64, GR_SHAPE(2, 1, 3), 14),
                              gr_full(GR_F64, GR_SCALAR, 0.771)};
            cr_assert(gr_gradcheck(reduced_cube, &c, x, 2, 3), "%s, axes %d: %s", rows[r].name,
                      mask, gr_error_message());
        }
    }
    EXPECT_NO_LEAK();
}

/* ---- errors ---- */

Test(reduce, errors)
{
    gr_tensor *x = gr_full(GR_F32, GR_SHAPE(2, 3), 1), *whole = gr_full(GR_I64, GR_SHAPE(2), 1);

    for (int r = 0; r < ROWS; r++) {
        char message[100];
        cr_assert(gr_is_error(rows[r].f(x, GR_AXES(2), false)));
        snprintf(message, sizeof message, "%s: axes: got 2, want -2 to 1", rows[r].name);
        expect_error(GR_ERROR_SHAPE, message);
        cr_assert(gr_is_error(rows[r].f(x, GR_AXES(1, -1), false)));
        snprintf(message, sizeof message, "%s: axes: axis 1 is named twice", rows[r].name);
        expect_error(GR_ERROR_SHAPE, message);
        cr_assert(gr_is_error(rows[r].f(gr_full(GR_F32, GR_SCALAR, 1), GR_AXES(0), false)));
        snprintf(message, sizeof message, "%s: axes: got 0, but a tensor of shape () has no axis",
                 rows[r].name);
        expect_error(GR_ERROR_SHAPE, message);
        cr_assert(gr_is_error(rows[r].f(NULL, GR_ALL_AXES, false)));
        snprintf(message, sizeof message, "%s: x: got NULL, want a tensor", rows[r].name);
        expect_error(GR_ERROR_VALUE, message);
    }
    cr_assert(gr_is_error(gr_mean(whole, GR_ALL_AXES, false)));
    expect_error(GR_ERROR_DTYPE, "gr_mean: x: got i64, want f32 or f64; convert with gr_cast");
    cr_assert(gr_is_error(gr_argmax(x, 2, false)));
    expect_error(GR_ERROR_SHAPE, "gr_argmax: axis: got 2, want -2 to 1");
    cr_assert(gr_is_error(gr_argmin(gr_full(GR_F32, GR_SCALAR, 1), 0, false)));
    expect_error(GR_ERROR_SHAPE, "gr_argmin: axis: got 0, but a tensor of shape () has no axis");
    EXPECT_NO_LEAK();
}
