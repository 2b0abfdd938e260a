/* Losses of regression: r = prediction - target. */
#include "tests/losses/expect.h"

TestSuite(regression, .init = quiet);

static const double p[] = {2.385, -0.771, 0.418, 5.093, -1.264, 3.902};
static const double y[] = {1.917, 0.346, 0.422, 2.281, -1.951, 7.613};
enum { N = 6 };
static const double delta = 0.9, eps = 0.2, q = 0.3;

static gr_tensor *prediction(gr_dtype dtype)
{
    return tensor_of(dtype, GR_SHAPE(3, 2), p);
}

static gr_tensor *target(gr_dtype dtype)
{
    return tensor_of(dtype, GR_SHAPE(3, 2), y);
}

typedef gr_tensor *loss(const gr_tensor *prediction, const gr_tensor *target, gr_reduction how);

static gr_tensor *huber(const gr_tensor *prediction, const gr_tensor *target, gr_reduction how)
{
    return gr_loss_huber(prediction, target, delta, how);
}

static gr_tensor *charbonnier(const gr_tensor *prediction, const gr_tensor *target,
                              gr_reduction how)
{
    return gr_loss_charbonnier(prediction, target, eps, how);
}

static gr_tensor *quantile(const gr_tensor *prediction, const gr_tensor *target, gr_reduction how)
{
    return gr_loss_quantile(prediction, target, q, how);
}

/* One loss: its value and slope at r. */
typedef struct formula {
    const char *name;
    loss *function;
    double (*value)(double r);
    double (*slope)(double r);
} formula;

static double mse_value(double r)
{
    return r * r;
}

static double mse_slope(double r)
{
    return 2 * r;
}

static double sign(double r)
{
    return (r > 0) - (r < 0);
}

static double huber_value(double r)
{
    return fabs(r) <= delta ? r * r / 2 : delta * (fabs(r) - delta / 2);
}

static double huber_slope(double r)
{
    return fabs(r) <= delta ? r : delta * sign(r);
}

static double log_cosh_value(double r)
{
    return log(cosh(r));
}

static double charbonnier_value(double r)
{
    return hypot(r, eps);
}

static double charbonnier_slope(double r)
{
    return r / hypot(r, eps);
}

/* e = y - p = -r */
static double quantile_value(double r)
{
    return fmax(q * -r, (q - 1) * -r);
}

static double quantile_slope(double r)
{
    return r > 0 ? 1 - q : -q;
}

static const formula rows[] = {
    {"gr_loss_mse", gr_loss_mse, mse_value, mse_slope},
    {"gr_loss_mae", gr_loss_mae, fabs, sign},
    {"gr_loss_huber", huber, huber_value, huber_slope},
    {"gr_loss_log_cosh", gr_loss_log_cosh, log_cosh_value, tanh},
    {"gr_loss_charbonnier", charbonnier, charbonnier_value, charbonnier_slope},
    {"gr_loss_quantile", quantile, quantile_value, quantile_slope},
};
enum { ROWS = sizeof rows / sizeof *rows };

static double total(const formula *row, double *values)
{
    double sum = 0;
    for (int i = 0; i < N; i++) {
        sum += values[i] = row->value(p[i] - y[i]);
    }
    return sum;
}

Test(regression, values_and_reductions)
{
    for (int k = 0; k < ROWS; k++) {
        gr_tensor *x = prediction(GR_F64), *t = target(GR_F64);
        double values[N], s = total(&rows[k], values);
        EXPECT_ARRAY(rows[k].function(x, t, GR_NONE), 1e-15, values);
        EXPECT_SHAPE(rows[k].function(x, t, GR_NONE), GR_SHAPE(3, 2));
        EXPECT(rows[k].function(x, t, GR_SUM), 1e-14, s);
        EXPECT(rows[k].function(x, t, GR_MEAN), 1e-14, s / 6);
        EXPECT(rows[k].function(x, t, GR_BATCH_MEAN), 1e-14, s / 3);
        EXPECT(rows[k].function(x, t, gr_divided(GR_MEAN, 11)), 1e-14, s / 11);
        EXPECT(rows[k].function(prediction(GR_F32), target(GR_F32), GR_MEAN), 1e-6, s / 6);
    }
}

/* Sum of w v over sum of w, w (3) for the rows of v (3, 2). */
Test(regression, weighted_rows)
{
    gr_reduction how = gr_weighted(GR_MEAN, TENSOR(GR_F64, GR_SHAPE(3), 0.7, 1.9, 0.35));

    for (int k = 0; k < ROWS; k++) {
        double v[N];
        total(&rows[k], v);
        double s = 0.7 * (v[0] + v[1]) + 1.9 * (v[2] + v[3]) + 0.35 * (v[4] + v[5]);
        EXPECT(rows[k].function(prediction(GR_F64), target(GR_F64), how), 1e-14,
               s / (2 * (0.7 + 1.9 + 0.35)));
    }
}

/* d sum / d p = slope(r),   d sum / d y = -slope(r) */
Test(regression, gradients)
{
    for (int k = 0; k < ROWS; k++) {
        gr_tensor *x = prediction(GR_F64), *t = target(GR_F64);
        gr_tensor *sum = rows[k].function(x, t, GR_SUM);
        double want[N], minus[N];
        for (int i = 0; i < N; i++) {
            want[i] = rows[k].slope(p[i] - y[i]);
            minus[i] = -want[i];
        }
        EXPECT_ARRAY(slope(sum, x), 1e-15, want);
        EXPECT_ARRAY(slope(sum, t), 1e-15, minus);
    }
}

/* Missing labels: NaN targets under a mask leave value and gradients as if they were not there. */
Test(regression, missing_labels)
{
    double holes[N];
    memcpy(holes, y, sizeof y);
    holes[1] = NAN;
    holes[4] = INFINITY;
    gr_reduction how = gr_masked(GR_MEAN, TENSOR(GR_I64, GR_SHAPE(3, 2), 1, 0, 1, 1, 0, 1));

    for (int k = 0; k < ROWS; k++) {
        gr_tensor *x = prediction(GR_F64), *t = gr_from_data(GR_F64, GR_SHAPE(3, 2), holes);
        gr_tensor *mean = rows[k].function(x, t, how);
        double values[N], want[N], s = total(&rows[k], values) - values[1] - values[4];
        for (int i = 0; i < N; i++) {
            want[i] = i == 1 || i == 4 ? 0 : rows[k].slope(p[i] - y[i]) / 4;
        }
        EXPECT(mean, 1e-14, s / 4);
        EXPECT_ARRAY(slope(mean, x), 1e-15, want);
        EXPECT(gr_mul(slope(mean, t), 4), 1e-15, -4 * want[0], 0, -4 * want[2], -4 * want[3], 0,
               -4 * want[5]);
    }
}

Test(regression, nothing_left)
{
    gr_reduction how = gr_masked(GR_MEAN, gr_full(GR_F64, GR_SHAPE(3, 2), 0));

    for (int k = 0; k < ROWS; k++) {
        gr_tensor *x = prediction(GR_F64);
        gr_tensor *mean = rows[k].function(x, gr_full(GR_F64, GR_SHAPE(3, 2), NAN), how);
        EXPECT(mean, 0, 0);
        EXPECT(slope(mean, x), 0, 0, 0, 0, 0, 0, 0);
    }
}

/* The square of a loss has second derivatives even where the loss has none. */
static gr_tensor *squared(gr_tensor *const *inputs, int n, void *context)
{
    const formula *row = context;

    (void)n;
    return gr_square(row->function(inputs[0], inputs[1], GR_MEAN));
}

Test(regression, derivatives_of_order_1_and_2)
{
    for (int k = 0; k < ROWS; k++) {
        formula row = rows[k];
        gr_tensor *inputs[] = {prediction(GR_F64), target(GR_F64)};
        cr_assert(gr_gradcheck(squared, &row, inputs, 2, 2), "%s: %s", row.name,
                  gr_error_message());
    }
}

/* At r = 0 and |r| = delta: slopes 0 and delta; second derivative 1 inside, at 0 too. */
Test(regression, kinks)
{
    gr_tensor *zero = gr_full(GR_F64, GR_SHAPE(3), 0);
    gr_tensor *x = TENSOR(GR_F64, GR_SHAPE(3), 0, 0.75, -0.75);

    EXPECT(slope(gr_loss_mae(x, zero, GR_SUM), x), 0, 0, 1, -1);
    gr_tensor *first = slope(gr_loss_huber(x, zero, 0.75, GR_SUM), x);
    EXPECT(first, 0, 0, 0.75, -0.75);
    gr_tensor *inside = TENSOR(GR_F64, GR_SHAPE(3), 0, 0.625, -1e-9);
    first = slope(gr_loss_huber(inside, zero, 0.75, GR_SUM), inside);
    EXPECT(slope(gr_sum(first, GR_ALL_AXES, false), inside), 0, 1, 1, 1);
}

/* At r = 0: slope 0 and curvature 1, 1 / eps and 0. */
Test(regression, perfect_fit)
{
    gr_tensor *x = prediction(GR_F64), *t = prediction(GR_F64);
    gr_tensor *smooth = slope(gr_loss_log_cosh(x, t, GR_SUM), x);
    gr_tensor *rounded = slope(gr_loss_charbonnier(x, t, 1e-3, GR_SUM), x);

    EXPECT(gr_loss_log_cosh(x, t, GR_MEAN), 0, 0);
    EXPECT(smooth, 0, 0, 0, 0, 0, 0, 0);
    EXPECT(slope(gr_sum(smooth, GR_ALL_AXES, false), x), 0, 1, 1, 1, 1, 1, 1);
    EXPECT(gr_loss_charbonnier(x, t, 1e-3, GR_MEAN), 1e-18, 1e-3);
    EXPECT(rounded, 0, 0, 0, 0, 0, 0, 0);
    EXPECT(slope(gr_sum(rounded, GR_ALL_AXES, false), x), 1e-12, 1e3, 1e3, 1e3, 1e3, 1e3, 1e3);
    EXPECT(gr_loss_quantile(x, t, 0.9, GR_MEAN), 0, 0);
    EXPECT(slope(gr_loss_quantile(x, t, 0.9, GR_SUM), x), 0, 0, 0, 0, 0, 0, 0);
}

/* Too low costs q, too high 1 - q. */
Test(regression, quantile_sides)
{
    gr_tensor *x = TENSOR(GR_F64, GR_SHAPE(2), 1, 5), *t = gr_full(GR_F64, GR_SHAPE(2), 3);

    EXPECT(gr_loss_quantile(x, t, 0.9, GR_NONE), 1e-15, 1.8, 0.2);
    EXPECT(slope(gr_loss_quantile(x, t, 0.9, GR_SUM), x), 1e-15, -0.9, 0.1);
}

/* Near 0 the value is r^2 / 2 to all its digits, far out |r| - log 2. */
Test(regression, log_cosh_at_both_ends)
{
    static const double small[] = {0x1p-7, -0x1p-10, 0x1p-20};

    for (gr_dtype dtype = GR_F32; dtype <= GR_F64; dtype++) {
        double tolerance = dtype == GR_F32 ? 4e-7 : 1e-15;
        gr_tensor *far = TENSOR(dtype, GR_SHAPE(4), 80, -80, 1000, -1e30);
        gr_tensor *near = tensor_of(dtype, GR_SHAPE(3), small);
        gr_tensor *four = gr_full(dtype, GR_SHAPE(4), 0), *three = gr_full(dtype, GR_SHAPE(3), 0);
        gr_tensor *v = gr_loss_log_cosh(near, three, GR_NONE);
        EXPECT(gr_loss_log_cosh(far, four, GR_NONE), tolerance, 80 - log(2), 80 - log(2),
               1000 - log(2), 1e30);
        EXPECT(slope(gr_loss_log_cosh(far, four, GR_SUM), far), 0, 1, -1, 1, -1);
        for (int i = 0; i < 3; i++) {
            double want = log1p(2 * pow(sinh(small[i] / 2), 2));
            cr_assert(close_to(element(v, i) / want, 1, tolerance), "r = %g", small[i]);
        }
    }
}

/* The far branch of the Huber loss does not square, so it does not overflow. */
Test(regression, extreme_residuals)
{
    gr_tensor *x = TENSOR(GR_F32, GR_SHAPE(4), 1e30, -1e30, 80, -1000);
    gr_tensor *zero = gr_full(GR_F32, GR_SHAPE(4), 0);

    EXPECT(gr_loss_huber(x, zero, 0.5, GR_NONE), 1e-6, 5e29, 5e29, 39.875, 499.875);
    EXPECT(slope(gr_loss_huber(x, zero, 0.5, GR_SUM), x), 0, 0.5, -0.5, 0.5, -0.5);
    EXPECT(gr_loss_mae(x, zero, GR_NONE), 1e-6, 1e30, 1e30, 80, 1000);
    EXPECT(gr_loss_quantile(x, zero, 0.25, GR_NONE), 1e-6, 0.75e30, 0.25e30, 60, 250);

    gr_tensor *r = TENSOR(GR_F32, GR_SHAPE(4), 80, -80, 1e18, -1e18);
    EXPECT(gr_loss_charbonnier(r, zero, 1e-3, GR_NONE), 1e-6, 80, 80, 1e18, 1e18);
    EXPECT(slope(gr_loss_charbonnier(r, zero, 1e-3, GR_SUM), r), 1e-6, 1, -1, 1, -1);
    EXPECT(slope(gr_loss_charbonnier(zero, zero, 1e-18, GR_SUM), zero), 0, 0, 0, 0, 0);
}

Test(regression, a_nan_that_counts_is_not_hidden)
{
    gr_tensor *x = TENSOR(GR_F64, GR_SHAPE(2), NAN, 1.5), *t = gr_full(GR_F64, GR_SHAPE(2), 0);

    for (int k = 0; k < ROWS; k++) {
        cr_assert(isnan(gr_item(rows[k].function(x, t, GR_MEAN))), "%s", rows[k].name);
    }
}

static void expect_for(const formula *row, const char *text)
{
    char want[160];
    snprintf(want, sizeof want, "%s: %s", row->name, text);
    expect_message(want, __LINE__);
}

Test(regression, errors)
{
    gr_tensor *four = gr_full(GR_F32, GR_SHAPE(4), 1), *column = gr_full(GR_F32, GR_SHAPE(4, 1), 1);
    gr_tensor *wide = gr_full(GR_F64, GR_SHAPE(4), 1), *labels = gr_full(GR_I64, GR_SHAPE(4), 1);
    gr_reduction how = gr_masked(GR_MEAN, gr_full(GR_F32, GR_SHAPE(3), 1));

    for (int k = 0; k < ROWS; k++) {
        cr_assert(gr_is_error(rows[k].function(four, column, GR_MEAN)));
        expect_for(&rows[k], "target: got (4,1), want (4) as prediction");
        cr_assert(gr_is_error(rows[k].function(gr_ones(GR_SCALAR), four, GR_MEAN)));
        expect_for(&rows[k], "target: got (4), want () as prediction");
        cr_assert(gr_is_error(rows[k].function(four, wide, GR_MEAN)));
        expect_for(&rows[k], "target: got f64, want f32 as prediction");
        cr_assert(gr_is_error(rows[k].function(labels, labels, GR_MEAN)));
        expect_for(&rows[k], "prediction: got i64, want f32 or f64");
        cr_assert(gr_is_error(rows[k].function(four, NULL, GR_MEAN)));
        expect_for(&rows[k], "target: got NULL, want a tensor");
        EXPECT_ERROR(rows[k].function(four, four, how),
                     "gr_reduce: mask: got (3), want (4) or its leading axes");
        EXPECT_SILENT(rows[k].function(broken(), four, GR_MEAN));
        EXPECT_SILENT(rows[k].function(four, broken(), GR_MEAN));
        EXPECT_SILENT(rows[k].function(four, four, gr_masked(GR_MEAN, broken())));
    }
}

Test(regression, delta_out_of_range)
{
    gr_tensor *four = gr_full(GR_F32, GR_SHAPE(4), 1);

    EXPECT_ERROR(gr_loss_huber(four, four, 0, GR_MEAN),
                 "gr_loss_huber: delta: got 0, want positive and finite");
    EXPECT_ERROR(gr_loss_huber(four, four, (double)NAN, GR_MEAN),
                 "gr_loss_huber: delta: got nan, want positive and finite");
    EXPECT_ERROR(gr_loss_huber(four, four, (double)INFINITY, GR_MEAN),
                 "gr_loss_huber: delta: got inf, want positive and finite");
}

Test(regression, options_out_of_range)
{
    gr_tensor *four = gr_full(GR_F32, GR_SHAPE(4), 1);
    double infinite = INFINITY, nan = NAN;

    EXPECT_ERROR(gr_loss_charbonnier(four, four, 0, GR_MEAN),
                 "gr_loss_charbonnier: eps: got 0, want 1e-18 or more and finite");
    EXPECT_ERROR(gr_loss_charbonnier(four, four, infinite, GR_MEAN),
                 "gr_loss_charbonnier: eps: got inf, want 1e-18 or more and finite");
    EXPECT_ERROR(gr_loss_charbonnier(four, four, nan, GR_MEAN),
                 "gr_loss_charbonnier: eps: got nan, want 1e-18 or more and finite");
    EXPECT_ERROR(gr_loss_quantile(four, four, 0, GR_MEAN),
                 "gr_loss_quantile: q: got 0, want between 0 and 1");
    EXPECT_ERROR(gr_loss_quantile(four, four, 1, GR_MEAN),
                 "gr_loss_quantile: q: got 1, want between 0 and 1");
    EXPECT_ERROR(gr_loss_quantile(four, four, nan, GR_MEAN),
                 "gr_loss_quantile: q: got nan, want between 0 and 1");
}
