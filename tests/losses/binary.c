/* Losses of two classes, from logits z: targets +-1 (margins), or in [0, 1]. */
#include "tests/losses/expect.h"

TestSuite(binary, .init = quiet);

enum { N = 6 };
static const double z[] = {2.385, -0.771, 0.418, 5.093, -1.264, 0.902};

static gr_tensor *logits(gr_dtype dtype)
{
    return tensor_of(dtype, GR_SHAPE(3, 2), z);
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* ---- margins ---- */

static const double sign[] = {1, -1, -1, 1, 1, -1};

typedef gr_tensor *loss(const gr_tensor *logits, const gr_tensor *target, gr_reduction how);

/* A function of the margin y z, and its slope. */
typedef struct formula {
    const char *name;
    loss *function;
    double (*value)(double margin);
    double (*slope)(double margin);
} formula;

static double soft_value(double m)
{
    return log(1 + exp(-m));
}

static double soft_slope(double m)
{
    return -1 / (1 + exp(m));
}

static double hinge_value(double m)
{
    return m < 1 ? 1 - m : 0;
}

static double hinge_slope(double m)
{
    return m < 1 ? -1 : 0;
}

static const formula rows[] = {
    {"gr_loss_soft_margin", gr_loss_soft_margin, soft_value, soft_slope},
    {"gr_loss_hinge", gr_loss_hinge, hinge_value, hinge_slope},
};
enum { ROWS = sizeof rows / sizeof *rows };

static gr_tensor *signs(gr_dtype dtype)
{
    return tensor_of(dtype, GR_SHAPE(3, 2), sign);
}

Test(binary, margin_values_and_reductions)
{
    for (int k = 0; k < ROWS; k++) {
        gr_tensor *x = logits(GR_F64), *t = signs(GR_F64);
        double v[N], s = 0;
        for (int i = 0; i < N; i++) {
            s += v[i] = rows[k].value(sign[i] * z[i]);
        }
        gr_reduction how = gr_weighted(GR_MEAN, TENSOR(GR_F64, GR_SHAPE(3), 0.7, 1.9, 0.35));
        EXPECT_ARRAY(rows[k].function(x, t, GR_NONE), 1e-15, v);
        EXPECT_SHAPE(rows[k].function(x, t, GR_NONE), GR_SHAPE(3, 2));
        EXPECT(rows[k].function(x, t, GR_SUM), 1e-15, s);
        EXPECT(rows[k].function(x, t, GR_MEAN), 1e-15, s / 6);
        EXPECT(rows[k].function(x, t, GR_BATCH_MEAN), 1e-15, s / 3);
        EXPECT(rows[k].function(x, t, how), 1e-15,
               (0.7 * (v[0] + v[1]) + 1.9 * (v[2] + v[3]) + 0.35 * (v[4] + v[5])) / 5.9);
        EXPECT(rows[k].function(logits(GR_F32), signs(GR_F32), GR_MEAN), 1e-6, s / 6);
    }
}

/* d / d z = y slope(y z),   d / d y = z slope(y z) */
Test(binary, margin_gradients)
{
    for (int k = 0; k < ROWS; k++) {
        gr_tensor *x = logits(GR_F64), *t = signs(GR_F64);
        gr_tensor *sum = rows[k].function(x, t, GR_SUM);
        double for_z[N], for_y[N];
        for (int i = 0; i < N; i++) {
            for_z[i] = sign[i] * rows[k].slope(sign[i] * z[i]);
            for_y[i] = z[i] * rows[k].slope(sign[i] * z[i]);
        }
        EXPECT_ARRAY(slope(sum, x), 1e-15, for_z);
        EXPECT_ARRAY(slope(sum, t), 1e-15, for_y);
    }
}

Test(binary, margin_missing_labels)
{
    gr_reduction how = gr_masked(GR_MEAN, TENSOR(GR_I64, GR_SHAPE(3, 2), 1, 0, 1, 1, 0, 1));
    gr_reduction none = gr_masked(GR_MEAN, gr_full(GR_F64, GR_SHAPE(3, 2), 0));

    for (int k = 0; k < ROWS; k++) {
        gr_tensor *x = TENSOR(GR_F64, GR_SHAPE(3, 2), z[0], z[1], z[2], z[3], NAN, z[5]);
        gr_tensor *t = TENSOR(GR_F64, GR_SHAPE(3, 2), 1, NAN, -1, 1, NAN, -1);
        gr_tensor *mean = rows[k].function(x, t, how);
        double s = 0, want[N];
        for (int i = 0; i < N; i++) {
            bool counts = i != 1 && i != 4;
            s += counts ? rows[k].value(sign[i] * z[i]) / 4 : 0;
            want[i] = counts ? sign[i] * rows[k].slope(sign[i] * z[i]) / 4 : 0;
        }
        EXPECT(mean, 1e-15, s);
        EXPECT_ARRAY(slope(mean, x), 1e-15, want);
        EXPECT(rows[k].function(x, t, none), 0, 0);
        EXPECT(slope(rows[k].function(x, t, none), x), 0, 0, 0, 0, 0, 0, 0);
    }
}

Test(binary, margin_extremes)
{
    for (gr_dtype dtype = GR_F32; dtype <= GR_F64; dtype++) {
        gr_tensor *x = TENSOR(dtype, GR_SHAPE(6), 80, 80, -80, -80, 1000, -1000);
        gr_tensor *t = TENSOR(dtype, GR_SHAPE(6), 1, -1, 1, -1, -1, -1);
        EXPECT(gr_loss_soft_margin(x, t, GR_NONE), 1e-15, 0, 80, 80, 0, 1000, 0);
        EXPECT(slope(gr_loss_soft_margin(x, t, GR_SUM), x), 1e-15, 0, 1, -1, 0, 1, 0);
        EXPECT(gr_loss_hinge(x, t, GR_NONE), 0, 0, 81, 81, 0, 1001, 0);
        EXPECT(slope(gr_loss_hinge(x, t, GR_SUM), x), 0, 0, 1, -1, 0, 1, 0);
    }
}

/* y z = 1 is the kink of the hinge; at z = 0 the soft margin is log 2 with slope -y / 2. */
Test(binary, margin_kinks)
{
    gr_tensor *t = TENSOR(GR_F64, GR_SHAPE(2), 1, -1), *zero = gr_full(GR_F64, GR_SHAPE(2), 0);
    gr_tensor *x = TENSOR(GR_F64, GR_SHAPE(2), 1, -1);

    EXPECT(gr_loss_hinge(x, t, GR_NONE), 0, 0, 0);
    EXPECT(slope(gr_loss_hinge(x, t, GR_SUM), x), 0, 0, 0);
    EXPECT(gr_loss_soft_margin(zero, t, GR_NONE), 1e-16, log(2), log(2));
    EXPECT(slope(gr_loss_soft_margin(zero, t, GR_SUM), zero), 0, -0.5, 0.5);
}

static gr_tensor *squared(gr_tensor *const *inputs, int n, void *context)
{
    const formula *row = context;

    (void)n;
    return gr_square(row->function(inputs[0], inputs[1], GR_MEAN));
}

Test(binary, margin_derivatives_of_order_1_and_2)
{
    for (int k = 0; k < ROWS; k++) {
        formula row = rows[k];
        gr_tensor *inputs[] = {logits(GR_F64), signs(GR_F64)};
        cr_assert(gr_gradcheck(squared, &row, inputs, 2, 2), "%s: %s", row.name,
                  gr_error_message());
    }
}

static void expect_for(const char *name, const char *text)
{
    char want[160];
    snprintf(want, sizeof want, "%s: %s", name, text);
    expect_message(want, __LINE__);
}

static gr_tensor *focal(const gr_tensor *logits, const gr_tensor *target, gr_reduction how)
{
    return gr_loss_focal(logits, target, 0.25, 2, how);
}

Test(binary, errors)
{
    static const formula all[] = {{"gr_loss_soft_margin", gr_loss_soft_margin, NULL, NULL},
                                  {"gr_loss_hinge", gr_loss_hinge, NULL, NULL},
                                  {"gr_loss_bce_logits", gr_loss_bce_logits, NULL, NULL},
                                  {"gr_loss_focal", focal, NULL, NULL}};
    gr_tensor *four = gr_full(GR_F32, GR_SHAPE(4), 1), *column = gr_full(GR_F32, GR_SHAPE(4, 1), 1);
    gr_tensor *integers = gr_full(GR_I64, GR_SHAPE(4), 1);

    for (int k = 0; k < 4; k++) {
        loss *f = all[k].function;
        cr_assert(gr_is_error(f(four, column, GR_MEAN)));
        expect_for(all[k].name, "target: got (4,1), want (4) as logits");
        cr_assert(gr_is_error(f(four, integers, GR_MEAN)));
        expect_for(all[k].name, "target: got i64, want f32 as logits");
        cr_assert(gr_is_error(f(integers, integers, GR_MEAN)));
        expect_for(all[k].name, "logits: got i64, want f32 or f64");
        cr_assert(gr_is_error(f(NULL, four, GR_MEAN)));
        expect_for(all[k].name, "logits: got NULL, want a tensor");
        EXPECT_SILENT(f(broken(), four, GR_MEAN));
        EXPECT_SILENT(f(four, broken(), GR_MEAN));
    }
}

/* ---- cross-entropy: softplus(z) - z y ---- */

static const double y[] = {1, 0, 0.35, 0.8, 1, 0};

static gr_tensor *target(gr_dtype dtype)
{
    return tensor_of(dtype, GR_SHAPE(3, 2), y);
}

static double bce(double logit, double label)
{
    return fmax(logit, 0) + log1p(exp(-fabs(logit))) - logit * label;
}

/* The same as -y log p - (1 - y) log(1 - p) with p = sigmoid(z). */
Test(binary, bce_values_and_reductions)
{
    double want[6], s = 0;
    for (int i = 0; i < 6; i++) {
        double prob = sigmoid(z[i]);
        s += want[i] = -y[i] * log(prob) - (1 - y[i]) * log(1 - prob);
    }
    gr_tensor *x = logits(GR_F64), *t = target(GR_F64);
    gr_reduction how = gr_weighted(GR_MEAN, TENSOR(GR_F64, GR_SHAPE(3), 0.7, 1.9, 0.35));

    EXPECT_ARRAY(gr_loss_bce_logits(x, t, GR_NONE), 1e-14, want);
    EXPECT(gr_loss_bce_logits(x, t, GR_SUM), 1e-14, s);
    EXPECT(gr_loss_bce_logits(x, t, GR_MEAN), 1e-14, s / 6);
    EXPECT(gr_loss_bce_logits(x, t, GR_BATCH_MEAN), 1e-14, s / 3);
    EXPECT(gr_loss_bce_logits(x, t, how), 1e-14,
           (0.7 * (want[0] + want[1]) + 1.9 * (want[2] + want[3]) + 0.35 * (want[4] + want[5])) /
               (2 * (0.7 + 1.9 + 0.35)));
}

/* d / d z = sigmoid(z) - y, at z = 0 too: 1/2 - y;   d / d y = -z */
Test(binary, bce_gradients)
{
    gr_tensor *x = logits(GR_F64), *t = target(GR_F64);
    gr_tensor *sum = gr_loss_bce_logits(x, t, GR_SUM);
    double want[6], minus[6];
    for (int i = 0; i < 6; i++) {
        want[i] = sigmoid(z[i]) - y[i];
        minus[i] = -z[i];
    }
    EXPECT_ARRAY(slope(sum, x), 1e-15, want);
    EXPECT_ARRAY(slope(sum, t), 1e-15, minus);

    gr_tensor *zero = gr_full(GR_F64, GR_SHAPE(3), 0);
    gr_tensor *labels = TENSOR(GR_F64, GR_SHAPE(3), 0, 1, 0.3);
    EXPECT(slope(gr_loss_bce_logits(zero, labels, GR_SUM), zero), 1e-15, 0.5, -0.5, 0.2);
}

Test(binary, bce_missing_labels)
{
    double holes[] = {y[0], NAN, y[2], y[3], NAN, y[5]};
    gr_tensor *x = logits(GR_F64), *t = gr_from_data(GR_F64, GR_SHAPE(3, 2), holes);
    gr_tensor *mask = gr_equal(t, t);
    gr_tensor *mean = gr_loss_bce_logits(x, t, gr_masked(GR_MEAN, mask));

    EXPECT(mean, 1e-15,
           (bce(z[0], y[0]) + bce(z[2], y[2]) + bce(z[3], y[3]) + bce(z[5], y[5])) / 4);
    EXPECT(slope(mean, x), 1e-15, (sigmoid(z[0]) - y[0]) / 4, 0, (sigmoid(z[2]) - y[2]) / 4,
           (sigmoid(z[3]) - y[3]) / 4, 0, (sigmoid(z[5]) - y[5]) / 4);
}

/* y z = max(z, 0) is taken off exactly: nothing overflows, in either dtype. */
Test(binary, bce_extreme_logits)
{
    for (gr_dtype dtype = GR_F32; dtype <= GR_F64; dtype++) {
        gr_tensor *x = TENSOR(dtype, GR_SHAPE(8), 80, 80, -80, -80, 1000, 1000, -1000, -1000);
        gr_tensor *t = TENSOR(dtype, GR_SHAPE(8), 0, 1, 0, 1, 0, 1, 0, 1);
        gr_tensor *values = gr_loss_bce_logits(x, t, GR_NONE);
        EXPECT(values, 1e-15, 80, 0, 0, 80, 1000, 0, 0, 1000);
        EXPECT(slope(gr_loss_bce_logits(x, t, GR_SUM), x), 1e-15, 1, 0, 0, -1, 1, 0, 0, -1);
    }
}

static gr_tensor *checked_bce(gr_tensor *const *inputs, int n, void *context)
{
    (void)n;
    (void)context;
    return gr_loss_bce_logits(inputs[0], inputs[1], GR_MEAN);
}

Test(binary, bce_derivatives_of_order_1_and_2)
{
    gr_tensor *inputs[] = {logits(GR_F64), target(GR_F64)};

    cr_assert(gr_gradcheck(checked_bce, NULL, inputs, 2, 2), "%s", gr_error_message());
}

/* ---- focal: a_y m^gamma (-y log p - (1 - y) log(1 - p)) ---- */

static double focal_value(double logit, double label, double alpha, double gamma)
{
    double p = sigmoid(logit), hit = p * label + (1 - p) * (1 - label);
    double weight = alpha < 0 ? 1 : alpha * label + (1 - alpha) * (1 - label);

    return weight * pow(1 - hit, gamma) * (-label * log(p) - (1 - label) * log(1 - p));
}

static const double gammas[] = {0, 0.5, 1, 2, 3.7}, alphas[] = {-1, 0, 0.25, 1};
enum { GAMMAS = sizeof gammas / sizeof *gammas, ALPHAS = sizeof alphas / sizeof *alphas };

Test(binary, focal_values)
{
    for (int g = 0; g < GAMMAS; g++) {
        for (int a = 0; a < ALPHAS; a++) {
            double v[N], s = 0;
            for (int i = 0; i < N; i++) {
                s += v[i] = focal_value(z[i], y[i], alphas[a], gammas[g]);
            }
            gr_tensor *x = logits(GR_F64), *t = target(GR_F64);
            EXPECT_ARRAY(gr_loss_focal(x, t, alphas[a], gammas[g], GR_NONE), 1e-14, v);
            EXPECT(gr_loss_focal(x, t, alphas[a], gammas[g], GR_MEAN), 1e-14, s / 6);
            EXPECT(gr_loss_focal(x, t, alphas[a], gammas[g], gr_divided(GR_SUM, 2)), 1e-14, s / 2);
            EXPECT(gr_loss_focal(logits(GR_F32), target(GR_F32), alphas[a], gammas[g], GR_MEAN),
                   1e-6, s / 6);
        }
    }
}

/* Hard labels as in the paper: alpha for the positives, 1 - alpha for the negatives. */
Test(binary, focal_by_hand)
{
    gr_tensor *x = TENSOR(GR_F64, GR_SHAPE(2), log(3), log(3)); /* p = 3/4 */
    gr_tensor *t = TENSOR(GR_F64, GR_SHAPE(2), 1, 0);

    EXPECT(gr_loss_focal(x, t, 0.25, 2, GR_NONE), 1e-15, 0.25 / 16 * log(4. / 3),
           0.75 * 9 / 16 * log(4));
    EXPECT_SHAPE(gr_loss_focal(logits(GR_F64), target(GR_F64), 0.25, 2, GR_NONE), GR_SHAPE(3, 2));
}

/* Without focus and weight it is binary cross-entropy. */
Test(binary, focal_gamma_0)
{
    gr_tensor *x = logits(GR_F64), *t = target(GR_F64);
    gr_tensor *plain = gr_loss_bce_logits(x, t, GR_SUM), *f = gr_loss_focal(x, t, -1, 0, GR_SUM);
    gr_tensor *difference = gr_sub(slope(f, x), slope(plain, x));

    EXPECT(gr_sub(f, plain), 1e-15, 0);
    EXPECT(difference, 1e-15, 0, 0, 0, 0, 0, 0);
}

/* Right and far out: 0, flat. Wrong and far out: a_y |z|, of slope +-a_y. Never a NaN. */
Test(binary, focal_extremes)
{
    for (gr_dtype dtype = GR_F32; dtype <= GR_F64; dtype++) {
        for (int g = 0; g < GAMMAS; g++) {
            gr_tensor *x = TENSOR(dtype, GR_SHAPE(6), 80, -80, 80, -80, 1000, -1000);
            gr_tensor *t = TENSOR(dtype, GR_SHAPE(6), 1, 0, 0, 1, 1, 1);
            gr_tensor *v = gr_loss_focal(x, t, 0.25, gammas[g], GR_NONE);
            EXPECT(v, 1e-15, 0, 0, 60, 20, 0, 250);
            EXPECT(slope(gr_sum(v, GR_ALL_AXES, false), x), 1e-14, 0, 0, 0.75, -0.25, 0, -0.25);
            cr_assert(isfinite(
                gr_item(gr_sum(slope(gr_sum(v, GR_ALL_AXES, false), t), GR_ALL_AXES, false))));
        }
    }
}

/* y = 1/2 misses by 1/2 wherever p is: m = 1/2. */
Test(binary, focal_undecided_target)
{
    gr_tensor *x = TENSOR(GR_F64, GR_SHAPE(3), 0, 80, -1.5), *t = gr_full(GR_F64, GR_SHAPE(3), 0.5);

    EXPECT(gr_loss_focal(x, t, -1, 2, GR_NONE), 1e-15, log(2) / 4, 10,
           (log(1 + exp(-1.5)) + 0.75) / 4);
}

Test(binary, focal_missing_labels)
{
    gr_tensor *x = logits(GR_F64);
    gr_tensor *t = TENSOR(GR_F64, GR_SHAPE(3, 2), 1, NAN, 0.35, 0.8, NAN, 0);
    gr_tensor *mean = gr_loss_focal(x, t, 0.25, 1.5, gr_masked(GR_MEAN, gr_equal(t, t)));
    double s = 0;
    for (int i = 0; i < N; i++) {
        s += i == 1 || i == 4 ? 0 : focal_value(z[i], y[i], 0.25, 1.5) / 4;
    }
    EXPECT(mean, 1e-15, s);
    EXPECT(gr_slice(gr_reshape(slope(mean, x), GR_SHAPE(6)), 0, 4, 5), 0, 0);
    gr_tensor *none = gr_loss_focal(x, t, 0.25, 1.5,
                                    gr_masked(GR_MEAN, gr_full(GR_I64, GR_SHAPE(3), 0)));
    EXPECT(none, 0, 0);
    EXPECT(slope(none, x), 0, 0, 0, 0, 0, 0, 0);
}

static gr_tensor *checked_focal(gr_tensor *const *inputs, int n, void *context)
{
    const double *gamma = context;

    (void)n;
    return gr_loss_focal(inputs[0], inputs[1], 0.25, *gamma, GR_MEAN);
}

Test(binary, focal_derivatives_of_order_1_and_2)
{
    for (int g = 0; g < GAMMAS; g++) {
        double gamma = gammas[g];
        gr_tensor *inputs[] = {logits(GR_F64), target(GR_F64)};
        cr_assert(gr_gradcheck(checked_focal, &gamma, inputs, 2, 2), "gamma %g: %s", gamma,
                  gr_error_message());
    }
}

Test(binary, focal_options_out_of_range)
{
    gr_tensor *four = gr_full(GR_F32, GR_SHAPE(4), 1);

    EXPECT_ERROR(gr_loss_focal(four, four, 1.5, 2, GR_MEAN),
                 "gr_loss_focal: alpha: got 1.5, want 0 to 1, or -1 for no weight");
    EXPECT_ERROR(gr_loss_focal(four, four, -0.25, 2, GR_MEAN),
                 "gr_loss_focal: alpha: got -0.25, want 0 to 1, or -1 for no weight");
    EXPECT_ERROR(gr_loss_focal(four, four, 0.25, -1, GR_MEAN),
                 "gr_loss_focal: gamma: got -1, want 0 or more and finite");
    EXPECT_ERROR(gr_loss_focal(four, four, 0.25, (double)NAN, GR_MEAN),
                 "gr_loss_focal: gamma: got nan, want 0 or more and finite");
}
