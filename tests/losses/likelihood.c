/* Negative log-likelihoods: counts y under a Poisson distribution of rate m = e^u. */
#include "tests/losses/expect.h"

TestSuite(likelihood, .init = quiet);

enum { N = 6 };
static const double u[] = {0.385, -0.771, 1.418, 2.093, -1.264, 0.902};
static const double y[] = {2, 0, 1, 5, 0.5, 3};
static const double eps = 1e-3;

static gr_tensor *log_rate(gr_dtype dtype)
{
    return tensor_of(dtype, GR_SHAPE(3, 2), u);
}

static gr_tensor *rate(gr_dtype dtype)
{
    return gr_exp(log_rate(dtype));
}

static gr_tensor *counts(gr_dtype dtype)
{
    return tensor_of(dtype, GR_SHAPE(3, 2), y);
}

static gr_poisson_nll_options with(gr_poisson_constant constant)
{
    gr_poisson_nll_options options = gr_poisson_nll_defaults();

    options.constant = constant;
    options.eps = eps;
    return options;
}

static double value(int i)
{
    return exp(u[i]) - y[i] * u[i];
}

static double rate_value(int i)
{
    return exp(u[i]) - y[i] * log(exp(u[i]) + eps);
}

static double sum_of(double (*v)(int), double *values)
{
    double sum = 0;
    for (int i = 0; i < N; i++) {
        sum += values[i] = v(i);
    }
    return sum;
}

Test(likelihood, poisson_values_and_reductions)
{
    double v[N], s = sum_of(value, v);
    gr_tensor *x = log_rate(GR_F64), *t = counts(GR_F64);
    gr_reduction rows = gr_weighted(GR_MEAN, TENSOR(GR_F64, GR_SHAPE(3), 0.7, 1.9, 0.35));

    EXPECT_ARRAY(gr_loss_poisson_nll(x, t, GR_NONE), 1e-15, v);
    EXPECT_SHAPE(gr_loss_poisson_nll(x, t, GR_NONE), GR_SHAPE(3, 2));
    EXPECT(gr_loss_poisson_nll(x, t, GR_SUM), 1e-15, s);
    EXPECT(gr_loss_poisson_nll(x, t, GR_MEAN), 1e-15, s / 6);
    EXPECT(gr_loss_poisson_nll(x, t, GR_BATCH_MEAN), 1e-15, s / 3);
    EXPECT(gr_loss_poisson_nll(x, t, rows), 1e-15,
           (0.7 * (v[0] + v[1]) + 1.9 * (v[2] + v[3]) + 0.35 * (v[4] + v[5])) /
               (2 * (0.7 + 1.9 + 0.35)));
    EXPECT(gr_loss_poisson_nll(log_rate(GR_F32), counts(GR_F32), GR_MEAN), 1e-6, s / 6);
}

Test(likelihood, poisson_from_the_rate)
{
    double v[N], s = sum_of(rate_value, v);
    gr_poisson_nll_options options = with(GR_POISSON_NO_CONSTANT);

    EXPECT_ARRAY(gr_loss_poisson_nll_rate(rate(GR_F64), counts(GR_F64), options, GR_NONE), 1e-14,
                 v);
    EXPECT(gr_loss_poisson_nll_rate(rate(GR_F32), counts(GR_F32), options, GR_MEAN), 1e-6, s / 6);

    gr_tensor *none = gr_full(GR_F32, GR_SHAPE(2), 0), *t = TENSOR(GR_F32, GR_SHAPE(2), 0, 3);
    EXPECT(gr_loss_poisson_nll_rate(none, t, gr_poisson_nll_defaults(), GR_NONE), 1e-6, 0,
           3 * 8 * log(10));
}

/* d / d u = e^u - y,   d / d y = -u,   d / d m = 1 - y / (m + eps) */
Test(likelihood, poisson_gradients)
{
    gr_tensor *x = log_rate(GR_F64), *t = counts(GR_F64), *m = rate(GR_F64);
    gr_tensor *sum = gr_loss_poisson_nll(x, t, GR_SUM);
    double for_u[N], for_y[N], for_m[N];
    for (int i = 0; i < N; i++) {
        for_u[i] = exp(u[i]) - y[i];
        for_y[i] = -u[i];
        for_m[i] = 1 - y[i] / (exp(u[i]) + eps);
    }
    EXPECT_ARRAY(slope(sum, x), 1e-15, for_u);
    EXPECT_ARRAY(slope(sum, t), 1e-15, for_y);
    sum = gr_loss_poisson_nll_rate(m, t, with(GR_POISSON_NO_CONSTANT), GR_SUM);
    EXPECT_ARRAY(slope(sum, m), 1e-14, for_m);
}

/* A rate equal to the count is the best there is: slope 0. */
Test(likelihood, poisson_perfect_fit)
{
    gr_tensor *t = TENSOR(GR_F64, GR_SHAPE(3), 1, 5, 1e4), *x = gr_log(t);

    EXPECT(slope(gr_loss_poisson_nll(x, t, GR_SUM), x), 1e-11, 0, 0, 0);
}

/* + log y!;   y log y - y + log(2 pi y) / 2 where y > 1 */
Test(likelihood, poisson_constants)
{
    static const double n[] = {0, 1, 2, 5, 0.5, 3.25, 170, 1e4};
    enum { COUNT = sizeof n / sizeof *n };
    gr_poisson_nll_options full = with(GR_POISSON_LOG_FACTORIAL);
    double exact[COUNT], stirling[COUNT];
    for (int i = 0; i < COUNT; i++) {
        exact[i] = 1 + lgamma(n[i] + 1);
        stirling[i] = 1 + (n[i] > 1 ? n[i] * log(n[i]) - n[i] + log(2 * acos(-1) * n[i]) / 2 : 0);
    }
    for (gr_dtype dtype = GR_F32; dtype <= GR_F64; dtype++) {
        double tolerance = dtype == GR_F32 ? 2e-6 : 4e-15;
        gr_tensor *x = gr_full(dtype, GR_SHAPE(COUNT), 0), *t = tensor_of(dtype, GR_SHAPE(8), n);
        EXPECT_ARRAY(gr_loss_poisson_nll_with(x, t, full, GR_NONE), tolerance, exact);
        EXPECT_ARRAY(gr_loss_poisson_nll_with(x, t, with(GR_POISSON_STIRLING), GR_NONE), tolerance,
                     stirling);
    }
    gr_tensor *one = TENSOR(GR_F64, GR_SHAPE(2), 1, 1), *t = TENSOR(GR_F64, GR_SHAPE(2), 2, 5);
    full.eps = 1e-16;
    EXPECT(gr_loss_poisson_nll_rate(one, t, full, GR_NONE), 1e-14, 1 + log(2), 1 + log(120));
}

Test(likelihood, poisson_extreme_rates)
{
    for (gr_dtype dtype = GR_F32; dtype <= GR_F64; dtype++) {
        gr_tensor *x = TENSOR(dtype, GR_SHAPE(5), 80, -80, -80, -1000, 1000);
        gr_tensor *t = TENSOR(dtype, GR_SHAPE(5), 1, 0, 2, 1, 0);
        EXPECT(gr_loss_poisson_nll(x, t, GR_NONE), 1e-6, exp(80) - 80, 0, 160, 1000,
               (double)INFINITY);
        EXPECT(slope(gr_loss_poisson_nll(x, t, GR_SUM), x), 1e-6, exp(80), 0, -2, -1,
               (double)INFINITY);
    }
}

Test(likelihood, poisson_missing_counts)
{
    double holes[] = {y[0], NAN, y[2], y[3], -100, y[5]};
    gr_reduction how = gr_masked(GR_MEAN, TENSOR(GR_I64, GR_SHAPE(3, 2), 1, 0, 1, 1, 0, 1));
    gr_poisson_nll_options full = with(GR_POISSON_LOG_FACTORIAL);
    gr_tensor *x = log_rate(GR_F64), *t = gr_from_data(GR_F64, GR_SHAPE(3, 2), holes);
    gr_tensor *mean = gr_loss_poisson_nll(x, t, how);
    double want[N], full_sum = 0;
    for (int i = 0; i < N; i++) {
        want[i] = i == 1 || i == 4 ? 0 : (exp(u[i]) - y[i]) / 4;
        full_sum += i == 1 || i == 4 ? 0 : value(i) + lgamma(y[i] + 1);
    }
    EXPECT(mean, 1e-15, (value(0) + value(2) + value(3) + value(5)) / 4);
    EXPECT_ARRAY(slope(mean, x), 1e-15, want);
    mean = gr_loss_poisson_nll_with(x, t, full, how);
    EXPECT(mean, 1e-14, full_sum / 4);
    EXPECT_ARRAY(slope(mean, x), 1e-15, want);
    mean = gr_loss_poisson_nll_rate(rate(GR_F64), t, with(GR_POISSON_STIRLING),
                                    gr_masked(GR_MEAN, gr_full(GR_F64, GR_SHAPE(3, 2), 0)));
    EXPECT(mean, 0, 0);
    EXPECT(slope(mean, t), 0, 0, 0, 0, 0, 0, 0);
}

/* ---- derivatives ---- */

static gr_tensor *checked(gr_tensor *const *inputs, int n, void *context)
{
    const gr_poisson_constant *constant = context;

    (void)n;
    return gr_loss_poisson_nll_with(inputs[0], inputs[1], with(*constant), GR_MEAN);
}

static gr_tensor *checked_rate(gr_tensor *const *inputs, int n, void *context)
{
    const gr_poisson_constant *constant = context;

    (void)n;
    return gr_loss_poisson_nll_rate(inputs[0], inputs[1], with(*constant), GR_MEAN);
}

Test(likelihood, derivatives_of_order_1_and_2)
{
    gr_tensor *t = TENSOR(GR_F64, GR_SHAPE(3, 2), 2.3, 0.4, 1.2, 5.1, 0.5, 3.3);
    gr_tensor *logs[] = {log_rate(GR_F64), t}, *rates[] = {rate(GR_F64), t};

    for (gr_poisson_constant c = GR_POISSON_NO_CONSTANT; c <= GR_POISSON_STIRLING; c++) {
        cr_assert(gr_gradcheck(checked, &c, logs, 2, 2), "%s", gr_error_message());
        cr_assert(gr_gradcheck(checked_rate, &c, rates, 2, 2), "%s", gr_error_message());
    }
}

/* ---- errors ---- */

Test(likelihood, errors)
{
    gr_tensor *four = gr_full(GR_F32, GR_SHAPE(4), 1), *column = gr_full(GR_F32, GR_SHAPE(4, 1), 1);
    gr_tensor *integers = gr_full(GR_I64, GR_SHAPE(4), 1);
    gr_poisson_nll_options options = gr_poisson_nll_defaults();

    EXPECT_ERROR(gr_loss_poisson_nll(four, column, GR_MEAN),
                 "gr_loss_poisson_nll: target: got (4,1), want (4) as log_rate");
    EXPECT_ERROR(gr_loss_poisson_nll(four, integers, GR_MEAN),
                 "gr_loss_poisson_nll: target: got i64, want f32 as log_rate");
    EXPECT_ERROR(gr_loss_poisson_nll(integers, integers, GR_MEAN),
                 "gr_loss_poisson_nll: log_rate: got i64, want f32 or f64");
    EXPECT_ERROR(gr_loss_poisson_nll_with(four, NULL, options, GR_MEAN),
                 "gr_loss_poisson_nll_with: target: got NULL, want a tensor");
    EXPECT_ERROR(gr_loss_poisson_nll_rate(column, four, options, GR_MEAN),
                 "gr_loss_poisson_nll_rate: target: got (4), want (4,1) as rate");
    options.eps = 0;
    EXPECT_ERROR(gr_loss_poisson_nll_rate(four, four, options, GR_MEAN),
                 "gr_loss_poisson_nll_rate: eps: got 0, want positive and finite");
    options.eps = NAN;
    EXPECT_ERROR(gr_loss_poisson_nll_rate(four, four, options, GR_MEAN),
                 "gr_loss_poisson_nll_rate: eps: got nan, want positive and finite");
    EXPECT_SILENT(gr_loss_poisson_nll(broken(), four, GR_MEAN));
    EXPECT_SILENT(gr_loss_poisson_nll_rate(four, broken(), options, GR_MEAN));
}
