/* logsumexp, log-softmax and softmax: against long double, far out, at -inf, to the third order. */
#include "tests/common/check.h"

TestSuite(softmax, .init = silence);

#define expect_list(t, tolerance, ...) \
    expect_near_at(t, sizeof((double[]){__VA_ARGS__}) / sizeof(double), (double[]){__VA_ARGS__}, \
                   tolerance, __LINE__)

typedef gr_tensor *along(const gr_tensor *x, gr_axes axes);

static gr_tensor *logsumexp(const gr_tensor *x, gr_axes axes)
{
    return gr_logsumexp(x, axes, true);
}

static const struct {
    const char *name;
    along *f;
} rows[] = {
    {"gr_logsumexp", logsumexp}, {"gr_log_softmax", gr_log_softmax}, {"gr_softmax", gr_softmax}};
enum { ROWS = sizeof rows / sizeof *rows };

static gr_axes axes_of(int mask)
{
    gr_axes axes = {.count = 0};

    for (int i = 0; i < 3; i++) {
        if (mask >> i & 1) {
            axes.axis[axes.count++] = i;
        }
    }
    return axes;
}

/* For element i of (2,3,4): log sum exp over the elements that share its row. */
static double row_of(const double *x, int mask, int i)
{
    static const int extent[] = {2, 3, 4};
    long double sum = 0;

    for (int j = 0; j < 24; j++) {
        int p = i, q = j;
        bool together = true;
        for (int k = 2; k >= 0; k--) {
            together = together && (mask >> k & 1 || p % extent[k] == q % extent[k]);
            p /= extent[k];
            q /= extent[k];
        }
        sum += together ? expl(x[j]) : 0;
    }
    return (double)logl(sum);
}

Test(softmax, every_set_of_axes)
{
    for (int mask = 0; mask < 8; mask++) {
        for (gr_dtype dtype = GR_F32; dtype <= GR_F64; dtype++) {
            GR_SCOPE;
            gr_tensor *x = noise_tensor(dtype, GR_SHAPE(2, 3, 4), 21);
            double *v = numbers_of(x), l[24], s[24], p[24],
                   tolerance = dtype == GR_F32 ? 6e-7 : 2e-15;
            for (int i = 0; i < 24; i++) {
                l[i] = row_of(v, mask, i);
                s[i] = v[i] - l[i];
                p[i] = exp(s[i]);
            }
            gr_tensor *kept = gr_logsumexp(x, axes_of(mask), true);
            gr_tensor *flat = gr_logsumexp(x, axes_of(mask), false);
            cr_assert_eq(gr_rank(kept), 3);
            cr_assert_eq(gr_rank(flat), 3 - __builtin_popcount((unsigned)mask));
            cr_assert_eq(gr_count(flat), gr_count(kept));
            expect_near(gr_expand(kept, GR_SHAPE(2, 3, 4)), 24, l, tolerance);
            double *both[] = {numbers_of(kept), numbers_of(flat)};
            cr_assert_eq(memcmp(both[0], both[1], (size_t)gr_count(kept) * sizeof(double)), 0);
            expect_near(gr_log_softmax(x, axes_of(mask)), 24, s, tolerance);
            expect_near(gr_softmax(x, axes_of(mask)), 24, p, tolerance);
            free(both[0]), free(both[1]), free(v);
        }
    }
    EXPECT_NO_LEAK();
}

Test(softmax, far_out)
{
    for (gr_dtype dtype = GR_F32; dtype <= GR_F64; dtype++) {
        gr_tensor *x = tensor(dtype, GR_SHAPE(3, 2), 1000, -1000, -1000, -1000, 1000, 1000);
        expect_list(gr_logsumexp(x, GR_AXES(1), false), 1e-7, 1000, -1000 + M_LN2, 1000 + M_LN2);
        expect_list(gr_log_softmax(x, GR_AXES(1)), 1e-7, 0, -2000, -M_LN2, -M_LN2, -M_LN2, -M_LN2);
        expect_list(gr_softmax(x, GR_AXES(1)), 0, 1, 0, 0.5, 0.5, 0.5, 0.5);
    }
    EXPECT_NO_LEAK();
}

static gr_tensor *slope_of(gr_tensor *y, gr_tensor *x)
{
    gr_tensor *g;

    cr_assert(gr_gradients(gr_sum(y, GR_ALL_AXES, false), &x, 1, &g), "%s", gr_error_message());
    return g;
}

Test(softmax, gradients_far_out)
{
    gr_tensor *x = tensor(GR_F32, GR_SHAPE(2, 2), 1000, -1000, -1000, -1000);
    gr_tensor *w = tensor(GR_F32, GR_SHAPE(2, 2), 2, 3, 5, 7);

    /* e^(x - y) for y rounded to f32: relative error up to |y| 2^-24 */
    expect_list(slope_of(gr_logsumexp(x, GR_AXES(1), false), x), 1000 * 0x1p-24, 1, 0, 0.5, 0.5);
    expect_numbers(slope_of(gr_mul(w, gr_log_softmax(x, GR_AXES(1))), x), -3, 3, -1, 1);
    expect_numbers(slope_of(gr_mul(w, gr_softmax(x, GR_AXES(1))), x), 0, 0, -0.5, 0.5);
    EXPECT_NO_LEAK();
}

/* ---- -inf ---- */

/* An entry of -inf has probability 0, and no derivative of any order is spoilt by it. */
Test(softmax, entries_of_minus_infinity)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(3), 0, -INFINITY, log(3));
    gr_tensor *w = tensor(GR_F64, GR_SHAPE(3), 2, 3, 6), *finite = gr_greater(x, -INFINITY);

    expect_list(gr_logsumexp(x, GR_AXES(0), false), 1e-15, log(4));
    expect_list(gr_log_softmax(x, GR_AXES(0)), 1e-15, -log(4), -INFINITY, log(0.75));
    expect_list(gr_softmax(x, GR_AXES(0)), 1e-15, 0.25, 0, 0.75);
    gr_tensor *g = slope_of(gr_logsumexp(x, GR_AXES(0), false), x);
    expect_list(g, 1e-15, 0.25, 0, 0.75);
    expect_list(slope_of(gr_mul(g, w), x), 1e-15, -0.75, 0, 0.75);
    g = slope_of(gr_mul(gr_where(finite, gr_log_softmax(x, GR_AXES(0)), 0), w), x);
    expect_list(g, 1e-15, 0, 0, 0);
    g = slope_of(gr_mul(gr_softmax(x, GR_AXES(0)), w), x);
    expect_list(g, 1e-15, -0.75, 0, 0.75);
    expect_list(slope_of(gr_mul(g, w), x), 1e-15, 1.5, 0, -1.5);
    EXPECT_NO_LEAK();
}

Test(softmax, logsumexp_of_nothing_but_minus_infinity)
{
    for (gr_dtype dtype = GR_F32; dtype <= GR_F64; dtype++) {
        gr_tensor *x = tensor(dtype, GR_SHAPE(2, 2), -INFINITY, -INFINITY, 1, 1);
        gr_tensor *y = gr_logsumexp(x, GR_AXES(1), false);
        expect_list(y, 1e-7, -INFINITY, 1 + M_LN2);
        gr_tensor *g = slope_of(y, x);
        double half = dtype == GR_F32 ? 3e-7 : 3e-16;
        expect_list(g, half, 0, 0, 0.5, 0.5);
        expect_list(slope_of(gr_square(g), x), half, 0, 0, 0, 0);
    }
    EXPECT_NO_LEAK();
}

Test(softmax, infinity_and_nan)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2, 2), INFINITY, 1, NAN, 1);

    expect_numbers(gr_logsumexp(x, GR_AXES(1), false), INFINITY, NAN);
    expect_numbers(gr_softmax(gr_slice(x, 0, 1, 2), GR_AXES(1)), NAN, NAN);
    EXPECT_NO_LEAK();
}

Test(softmax, of_no_rows)
{
    gr_tensor *x = gr_full(GR_F64, GR_SHAPE(0, 3), 1), *g;

    for (int r = 0; r < ROWS; r++) {
        gr_tensor *y = rows[r].f(x, GR_AXES(1));
        cr_assert(gr_count(y) == 0 && gr_rank(y) == 2 && gr_data(y), "%s", rows[r].name);
        cr_assert(gr_gradients(gr_sum(y, GR_ALL_AXES, false), &x, 1, &g));
        cr_assert(gr_count(g) == 0 && gr_data(g));
    }
    EXPECT_NO_LEAK();
}

/* ---- derivatives ---- */

typedef struct choice {
    along *f;
    int mask;
} choice;

static gr_tensor *chosen(gr_tensor *const *x, int n, void *context)
{
    const choice *c = context;

    (void)n;
    return gr_square(c->f(gr_mul(x[0], 1.5), axes_of(c->mask)));
}

Test(softmax, gradients)
{
    for (int r = 0; r < ROWS; r++) {
        for (int mask = 0; mask < 8; mask++) {
            GR_SCOPE;
            choice c = {rows[r].f, mask};
            gr_tensor *x = noise_tensor(GR_F64, GR_SHAPE(2, 3, 1), 22);
            bool constant = r > 0 && (mask & 3) == 0;
            cr_assert(gr_gradcheck(chosen, &c, &x, 1, 3) != constant, "%s, axes %d: %s",
                      rows[r].name, mask, gr_error_message());
            gr_error_clear();
        }
    }
    EXPECT_NO_LEAK();
}

static gr_tensor *cross_entropy(gr_tensor *const *x, int n, void *context)
{
    (void)n, (void)context;
    return gr_neg(gr_sum(gr_mul(gr_softmax(x[1], GR_AXES(1)), gr_log_softmax(x[0], GR_AXES(1))),
                         GR_AXES(1), false));
}

Test(softmax, gradients_of_cross_entropy)
{
    gr_tensor *x[] = {noise_tensor(GR_F64, GR_SHAPE(2, 3), 23),
                      noise_tensor(GR_F64, GR_SHAPE(2, 3), 24)};

    cr_assert(gr_gradcheck(cross_entropy, NULL, x, 2, 3), "%s", gr_error_message());
    EXPECT_NO_LEAK();
}

/* ---- errors ---- */

Test(softmax, errors)
{
    gr_tensor *x = gr_full(GR_F32, GR_SHAPE(2, 3), 1);
    char message[100];

    for (int r = 0; r < ROWS; r++) {
        cr_assert(gr_is_error(rows[r].f(NULL, GR_ALL_AXES)));
        snprintf(message, sizeof message, "%s: x: got NULL, want a tensor", rows[r].name);
        expect_error(GR_ERROR_VALUE, message);
        cr_assert(gr_is_error(rows[r].f(gr_full(GR_I64, GR_SHAPE(2), 1), GR_ALL_AXES)));
        snprintf(message, sizeof message, "%s: x: got i64, want f32 or f64; convert with gr_cast",
                 rows[r].name);
        expect_error(GR_ERROR_DTYPE, message);
        cr_assert(gr_is_error(rows[r].f(x, GR_AXES(-3))));
        snprintf(message, sizeof message, "%s: axes: got -3, want -2 to 1", rows[r].name);
        expect_error(GR_ERROR_SHAPE, message);
        cr_assert(gr_is_error(rows[r].f(x, GR_AXES(0, 0))));
        snprintf(message, sizeof message, "%s: axes: axis 0 is named twice", rows[r].name);
        expect_error(GR_ERROR_SHAPE, message);
    }
    EXPECT_NO_LEAK();
}
