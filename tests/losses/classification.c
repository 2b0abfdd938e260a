/* Cross-entropy of C classes, from logits z. */
#include "tests/losses/expect.h"

TestSuite(classification, .init = quiet);

/* ---- C classes: logsumexp(z) - z[label] ---- */

enum { CLASSES = 3, SAMPLES = 4 };
static const double logits[SAMPLES][CLASSES] = {
    {2.385, -0.771, 0.418}, {5.093, -1.264, 3.902}, {0.113, 0.107, 0.121}, {-3.19, -2.77, -9.4}};
static const double labels[SAMPLES] = {2, 0, 1, 1};
static const double soft[SAMPLES][CLASSES] = {
    {0.2, 0.5, 0.3}, {1, 0, 0}, {0.05, 0.15, 0.8}, {0.6, 0.1, 0.3}};

static gr_tensor *class_logits(void)
{
    return gr_from_data(GR_F64, GR_SHAPE(SAMPLES, CLASSES), logits);
}

static gr_tensor *class_labels(void)
{
    return tensor_of(GR_I64, GR_SHAPE(SAMPLES), labels);
}

static gr_tensor *class_target(void)
{
    return gr_from_data(GR_F64, GR_SHAPE(SAMPLES, CLASSES), soft);
}

static double normaliser(int n)
{
    double sum = 0;
    for (int c = 0; c < CLASSES; c++) {
        sum += exp(logits[n][c]);
    }
    return log(sum);
}

static double hard_value(int n)
{
    return normaliser(n) - logits[n][(int)labels[n]];
}

static double soft_value(int n)
{
    double sum = 0;
    for (int c = 0; c < CLASSES; c++) {
        sum += soft[n][c] * (normaliser(n) - logits[n][c]);
    }
    return sum;
}

Test(classification, cross_entropy_values_and_reductions)
{
    double v[SAMPLES], w[] = {0.7, 1.9, 0.35, 2.6}, s = 0, weighted = 0;
    for (int n = 0; n < SAMPLES; n++) {
        s += v[n] = hard_value(n);
        weighted += w[n] * v[n];
    }
    gr_tensor *x = class_logits(), *t = class_labels();
    gr_reduction how = gr_weighted(GR_MEAN, gr_from_data(GR_F64, GR_SHAPE(SAMPLES), w));

    EXPECT_ARRAY(gr_loss_cross_entropy(x, t, GR_NONE), 1e-14, v);
    EXPECT_SHAPE(gr_loss_cross_entropy(x, t, GR_NONE), GR_SHAPE(SAMPLES));
    EXPECT(gr_loss_cross_entropy(x, t, GR_SUM), 1e-14, s);
    EXPECT(gr_loss_cross_entropy(x, t, GR_MEAN), 1e-14, s / 4);
    EXPECT(gr_loss_cross_entropy(x, t, GR_BATCH_MEAN), 1e-14, s / 4);
    EXPECT(gr_loss_cross_entropy(x, t, how), 1e-14, weighted / (0.7 + 1.9 + 0.35 + 2.6));
}

/* d / d z = softmax(z) - onehot(label) */
Test(classification, cross_entropy_gradient)
{
    gr_tensor *x = class_logits();
    gr_tensor *mean = gr_loss_cross_entropy(x, class_labels(), GR_MEAN);
    double want[SAMPLES * CLASSES];
    for (int n = 0; n < SAMPLES; n++) {
        for (int c = 0; c < CLASSES; c++) {
            want[n * CLASSES + c] = (exp(logits[n][c] - normaliser(n)) - (c == labels[n])) / 4;
        }
    }
    EXPECT_ARRAY(slope(mean, x), 1e-15, want);
}

/* -sum_c y_c log_softmax(z)_c;   d / d z = softmax(z) sum(y) - y */
Test(classification, dense_cross_entropy)
{
    gr_tensor *x = class_logits(), *t = class_target();
    gr_tensor *mean = gr_loss_cross_entropy_dense(x, t, GR_MEAN);
    double v[SAMPLES], want[SAMPLES * CLASSES], s = 0;
    for (int n = 0; n < SAMPLES; n++) {
        s += v[n] = soft_value(n);
        for (int c = 0; c < CLASSES; c++) {
            want[n * CLASSES + c] = (exp(logits[n][c] - normaliser(n)) - soft[n][c]) / 4;
        }
    }
    EXPECT_ARRAY(gr_loss_cross_entropy_dense(x, t, GR_NONE), 1e-14, v);
    EXPECT_SHAPE(gr_loss_cross_entropy_dense(x, t, GR_NONE), GR_SHAPE(SAMPLES));
    EXPECT(mean, 1e-14, s / 4);
    EXPECT_ARRAY(slope(mean, x), 1e-15, want);
}

/* A label is a distribution that is all on one class. */
Test(classification, hard_and_dense_agree)
{
    gr_set_default_dtype(GR_F64);
    gr_tensor *x = class_logits(), *onehot = gr_one_hot(class_labels(), CLASSES);
    double v[SAMPLES];
    for (int n = 0; n < SAMPLES; n++) {
        v[n] = hard_value(n);
    }
    EXPECT_ARRAY(gr_loss_cross_entropy_dense(x, onehot, GR_NONE), 1e-14, v);
}

/* Pixels: logits (N, C, H, W), labels (N, H, W). Sample n, class c, pixel q is logits[q][c] + n/10
 * shifted, which changes no softmax. */
Test(classification, classes_lie_along_axis_1)
{
    double pixels[2][CLASSES][2][2], pixel_labels[2][2][2], pixel_soft[2][CLASSES][2][2];
    double hard[8], dense[8];
    for (int n = 0; n < 2; n++) {
        for (int q = 0; q < 4; q++) {
            pixel_labels[n][q / 2][q % 2] = labels[q];
            hard[n * 4 + q] = hard_value(q);
            dense[n * 4 + q] = soft_value(q);
            for (int c = 0; c < CLASSES; c++) {
                pixels[n][c][q / 2][q % 2] = logits[q][c] + 0.1 * n;
                pixel_soft[n][c][q / 2][q % 2] = soft[q][c];
            }
        }
    }
    gr_shape shape = GR_SHAPE(2, CLASSES, 2, 2);
    gr_tensor *x = gr_from_data(GR_F64, shape, pixels),
              *d = gr_from_data(GR_F64, shape, pixel_soft);
    gr_tensor *t = tensor_of(GR_I64, GR_SHAPE(2, 2, 2), &pixel_labels[0][0][0]);

    EXPECT_ARRAY(gr_loss_cross_entropy(x, t, GR_NONE), 1e-14, hard);
    EXPECT_SHAPE(gr_loss_cross_entropy(x, t, GR_NONE), GR_SHAPE(2, 2, 2));
    EXPECT_ARRAY(gr_loss_cross_entropy_dense(x, d, GR_NONE), 1e-14, dense);
    EXPECT_SHAPE(gr_loss_cross_entropy_dense(x, d, GR_NONE), GR_SHAPE(2, 2, 2));
}

/* Samples without a label: -100, or NaN in everything, under a mask. */
Test(classification, cross_entropy_missing_labels)
{
    double holes[SAMPLES][CLASSES], soft_holes[SAMPLES][CLASSES];
    memcpy(holes, logits, sizeof logits);
    memcpy(soft_holes, soft, sizeof soft);
    holes[1][2] = NAN;
    soft_holes[3][0] = NAN;
    gr_tensor *x = gr_from_data(GR_F64, GR_SHAPE(SAMPLES, CLASSES), holes);
    gr_tensor *t = TENSOR(GR_I64, GR_SHAPE(SAMPLES), 2, -100, 1, -100);
    gr_tensor *d = gr_from_data(GR_F64, GR_SHAPE(SAMPLES, CLASSES), soft_holes);
    gr_reduction how = gr_masked(GR_MEAN, gr_not_equal(t, -100));

    gr_tensor *hard = gr_loss_cross_entropy(x, t, how);
    gr_tensor *dense = gr_loss_cross_entropy_dense(x, d, how);
    EXPECT(hard, 1e-14, (hard_value(0) + hard_value(2)) / 2);
    EXPECT(dense, 1e-14, (soft_value(0) + soft_value(2)) / 2);
    double want_hard[SAMPLES * CLASSES] = {0}, want_dense[SAMPLES * CLASSES] = {0};
    for (int n = 0; n < SAMPLES; n += 2) {
        for (int c = 0; c < CLASSES; c++) {
            double prob = exp(logits[n][c] - normaliser(n));
            want_hard[n * CLASSES + c] = (prob - (c == labels[n])) / 2;
            want_dense[n * CLASSES + c] = (prob - soft[n][c]) / 2;
        }
    }
    EXPECT_ARRAY(slope(hard, x), 1e-15, want_hard);
    EXPECT_ARRAY(slope(dense, x), 1e-15, want_dense);
}

/* No label at all: 0, with gradient 0. */
Test(classification, cross_entropy_nothing_left)
{
    gr_tensor *x = class_logits(), *t = gr_full(GR_I64, GR_SHAPE(SAMPLES), -100);
    gr_tensor *mean = gr_loss_cross_entropy(x, t, gr_masked(GR_MEAN, gr_not_equal(t, -100)));

    EXPECT(mean, 0, 0);
    EXPECT(slope(mean, x), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
}

Test(classification, cross_entropy_extreme_logits)
{
    for (gr_dtype dtype = GR_F32; dtype <= GR_F64; dtype++) {
        gr_tensor *x = TENSOR(dtype, GR_SHAPE(4, 3), 1000, -1000, 0, 1000, -1000, 0, 80, -80, -80,
                              80, -80, -80);
        gr_tensor *t = TENSOR(GR_I64, GR_SHAPE(4), 0, 1, 0, 2);
        gr_tensor *d = gr_cast(gr_one_hot(t, 3), dtype);
        gr_tensor *hard = gr_loss_cross_entropy(x, t, GR_SUM);
        gr_tensor *dense = gr_loss_cross_entropy_dense(x, d, GR_SUM);
        EXPECT(gr_loss_cross_entropy(x, t, GR_NONE), 1e-15, 0, 2000, 0, 160);
        EXPECT(gr_loss_cross_entropy_dense(x, d, GR_NONE), 1e-15, 0, 2000, 0, 160);
        EXPECT(slope(hard, x), 1e-15, 0, 0, 0, 1, -1, 0, 0, 0, 0, 1, 0, -1);
        EXPECT(slope(dense, x), 1e-15, 0, 0, 0, 1, -1, 0, 0, 0, 0, 1, 0, -1);
    }
}

/* Classes that a logit of -inf excludes: 0 log 0 = 0, with finite slopes; y > 0 costs infinity. */
Test(classification, excluded_classes)
{
    double inf = INFINITY, a = 0.418, b = 1.264, sum = exp(a) + exp(b);
    gr_tensor *x = TENSOR(GR_F64, GR_SHAPE(1, 3), a, -inf, b);
    gr_tensor *t = TENSOR(GR_F64, GR_SHAPE(1, 3), 0.3, 0, 0.7);
    gr_tensor *label = TENSOR(GR_I64, GR_SHAPE(1), 2);
    gr_tensor *dense = gr_loss_cross_entropy_dense(x, t, GR_SUM);
    gr_tensor *hard = gr_loss_cross_entropy(x, label, GR_SUM);

    EXPECT(dense, 1e-15, log(sum) - 0.3 * a - 0.7 * b);
    EXPECT(slope(dense, x), 1e-15, exp(a) / sum - 0.3, 0, exp(b) / sum - 0.7);
    EXPECT(slope(dense, t), 1e-15, log(sum) - a, 0, log(sum) - b);
    EXPECT(hard, 1e-15, log(sum) - b);
    EXPECT(slope(hard, x), 1e-15, exp(a) / sum, 0, exp(b) / sum - 1);
    EXPECT(gr_loss_cross_entropy_dense(x, TENSOR(GR_F64, GR_SHAPE(1, 3), 0.2, 0.1, 0.7), GR_SUM), 0,
           inf);
}

/* ---- derivatives ---- */

static gr_tensor *checked_hard(gr_tensor *const *inputs, int n, void *context)
{
    (void)n;
    return gr_loss_cross_entropy(inputs[0], context, GR_MEAN);
}

static gr_tensor *checked_dense(gr_tensor *const *inputs, int n, void *context)
{
    (void)n;
    (void)context;
    return gr_loss_cross_entropy_dense(inputs[0], inputs[1], GR_MEAN);
}

Test(classification, derivatives_of_order_1_and_2)
{
    gr_tensor *classes[] = {class_logits(), class_target()};

    cr_assert(gr_gradcheck(checked_hard, class_labels(), classes, 1, 2), "%s", gr_error_message());
    cr_assert(gr_gradcheck(checked_dense, NULL, classes, 2, 2), "%s", gr_error_message());
}

/* ---- smoothing, class weights, ignored labels, the class axis ---- */

static gr_cross_entropy_options smoothed(double e)
{
    gr_cross_entropy_options options = gr_cross_entropy_defaults();

    options.smoothing = e;
    return options;
}

static const double w[CLASSES] = {0.7, 1.9, 0.35};

static gr_tensor *class_weight(void)
{
    return gr_from_data(GR_F64, GR_SHAPE(CLASSES), w);
}

/* (1 - e) w[label] (-l[label]) + e / C sum_c w_c (-l_c) */
static double weighted_value(int n, double e)
{
    double sum = 0;
    for (int c = 0; c < CLASSES; c++) {
        sum += w[c] * (normaliser(n) - logits[n][c]);
    }
    return (1 - e) * w[(int)labels[n]] * hard_value(n) + e / CLASSES * sum;
}

Test(classification, defaults_change_nothing)
{
    gr_tensor *x = class_logits(), *t = class_labels();
    gr_tensor *plain = gr_loss_cross_entropy(x, t, GR_MEAN);
    gr_tensor *with = gr_loss_cross_entropy_with(x, t, gr_cross_entropy_defaults(), GR_MEAN);

    EXPECT(gr_sub(plain, with), 0, 0);
    EXPECT(gr_sub(slope(plain, x), slope(with, x)), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
}

/* Against the target (1 - e) onehot + e / C:  d / d z = softmax(z) - target. */
Test(classification, smoothing)
{
    for (double e = 0; e <= 1; e += 0.25) {
        gr_tensor *x = class_logits();
        gr_tensor *values = gr_loss_cross_entropy_with(x, class_labels(), smoothed(e), GR_NONE);
        double v[SAMPLES], want[SAMPLES * CLASSES];
        for (int n = 0; n < SAMPLES; n++) {
            v[n] = 0;
            for (int c = 0; c < CLASSES; c++) {
                double y = (1 - e) * (c == labels[n]) + e / CLASSES;
                v[n] += y * (normaliser(n) - logits[n][c]);
                want[n * CLASSES + c] = exp(logits[n][c] - normaliser(n)) - y;
            }
        }
        EXPECT_ARRAY(values, 1e-14, v);
        EXPECT_SHAPE(values, GR_SHAPE(SAMPLES));
        EXPECT_ARRAY(slope(gr_sum(values, GR_ALL_AXES, false), x), 1e-15, want);
    }
}

/* A mean divides by the sum of w[label]; samples' weights multiply both. */
Test(classification, class_weights)
{
    double u[] = {2, 0.5, 1.25, 3};

    for (double e = 0; e <= 0.5; e += 0.25) {
        gr_cross_entropy_options options = smoothed(e);
        options.weight = class_weight();
        double v[SAMPLES], s = 0, all = 0, su = 0, all_u = 0;
        for (int n = 0; n < SAMPLES; n++) {
            double share = w[(int)labels[n]];
            s += v[n] = weighted_value(n, e);
            all += share;
            su += u[n] * v[n];
            all_u += u[n] * share;
        }
        gr_tensor *x = class_logits(), *t = class_labels();
        gr_reduction how = gr_weighted(GR_MEAN, gr_from_data(GR_F64, GR_SHAPE(SAMPLES), u));
        EXPECT_ARRAY(gr_loss_cross_entropy_with(x, t, options, GR_NONE), 1e-14, v);
        EXPECT(gr_loss_cross_entropy_with(x, t, options, GR_SUM), 1e-14, s);
        EXPECT(gr_loss_cross_entropy_with(x, t, options, GR_BATCH_MEAN), 1e-14, s / 4);
        EXPECT(gr_loss_cross_entropy_with(x, t, options, GR_MEAN), 1e-14, s / all);
        EXPECT(gr_loss_cross_entropy_with(x, t, options, how), 1e-14, su / all_u);
        EXPECT(gr_loss_cross_entropy_with(x, t, options, gr_divided(GR_MEAN, 7)), 1e-14, s / 7);
    }
}

/* Weights of nothing but 0: 0, with gradient 0. */
Test(classification, class_weights_of_zero)
{
    gr_cross_entropy_options options = smoothed(0.1);
    options.weight = gr_full(GR_F64, GR_SHAPE(CLASSES), 0);
    gr_tensor *x = class_logits();
    gr_tensor *mean = gr_loss_cross_entropy_with(x, class_labels(), options, GR_MEAN);

    EXPECT(mean, 0, 0);
    EXPECT(slope(mean, x), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
}

/* Labels that are ignored count neither above nor below, under a mask of the caller's too. */
Test(classification, ignored_labels)
{
    gr_cross_entropy_options options = smoothed(0.25);
    options.weight = class_weight();
    options.ignore = 0;
    double holes[SAMPLES][CLASSES];
    memcpy(holes, logits, sizeof logits);
    holes[1][0] = NAN; /* its label is 0 */
    gr_tensor *x = gr_from_data(GR_F64, GR_SHAPE(SAMPLES, CLASSES), holes), *t = class_labels();
    gr_tensor *mean = gr_loss_cross_entropy_with(x, t, options, GR_MEAN);
    gr_reduction how = gr_masked(GR_MEAN, TENSOR(GR_F64, GR_SHAPE(SAMPLES), 1, 1, 1, 0));
    gr_tensor *two = gr_loss_cross_entropy_with(x, t, options, how);

    EXPECT(mean, 1e-15,
           (weighted_value(0, 0.25) + weighted_value(2, 0.25) + weighted_value(3, 0.25)) /
               (w[2] + w[1] + w[1]));
    EXPECT(two, 1e-15, (weighted_value(0, 0.25) + weighted_value(2, 0.25)) / (w[2] + w[1]));
    EXPECT(gr_slice(slope(mean, x), 0, 1, 2), 0, 0, 0, 0);
    EXPECT(gr_slice(slope(two, x), 0, 3, 4), 0, 0, 0, 0);

    t = gr_full(GR_I64, GR_SHAPE(SAMPLES), -100);
    options.ignore = -100;
    mean = gr_loss_cross_entropy_with(x, t, options, GR_MEAN);
    EXPECT(mean, 0, 0);
    EXPECT(slope(mean, x), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
}

/* A label that is neither a class nor ignored is found when the numbers are. */
Test(classification, labels_out_of_range_beside_ignored)
{
    gr_cross_entropy_options options = gr_cross_entropy_defaults();
    options.ignore = -100;
    gr_tensor *x = gr_full(GR_F32, GR_SHAPE(2, 3), 1), *t = TENSOR(GR_I64, GR_SHAPE(2), -100, 3);

    cr_assert(isnan(gr_item(gr_loss_cross_entropy_with(x, t, options, GR_MEAN))));
    cr_assert_eq(gr_error_code(), GR_ERROR_VALUE, "%s", gr_error_message());
    gr_error_clear();
}

/* Classes along the last axis, the first, and in the middle give the same numbers. */
Test(classification, class_axis)
{
    gr_cross_entropy_options options = smoothed(0.25);
    options.weight = class_weight();
    gr_tensor *x = class_logits(), *t = class_labels();
    double v[SAMPLES];
    for (int n = 0; n < SAMPLES; n++) {
        v[n] = weighted_value(n, 0.25);
    }
    options.axis = -1;
    EXPECT_ARRAY(gr_loss_cross_entropy_with(x, t, options, GR_NONE), 1e-14, v);
    gr_tensor *last = gr_reshape(x, GR_SHAPE(2, 2, CLASSES)), *t2 = gr_reshape(t, GR_SHAPE(2, 2));
    EXPECT_ARRAY(gr_loss_cross_entropy_with(last, t2, options, GR_NONE), 1e-14, v);
    EXPECT_SHAPE(gr_loss_cross_entropy_with(last, t2, options, GR_NONE), GR_SHAPE(2, 2));
    options.axis = 0;
    EXPECT_ARRAY(gr_loss_cross_entropy_with(gr_transpose(x, 0, 1), t, options, GR_NONE), 1e-14, v);
    options.axis = 1;
    last = gr_permute(last, GR_AXES(0, 2, 1));
    EXPECT_ARRAY(gr_loss_cross_entropy_with(last, t2, options, GR_NONE), 1e-14, v);
}

Test(classification, smoothing_extreme_logits)
{
    gr_cross_entropy_options options = smoothed(0.3);
    for (gr_dtype dtype = GR_F32; dtype <= GR_F64; dtype++) {
        gr_tensor *x = TENSOR(dtype, GR_SHAPE(2, 3), 80, -80, -80, -80, 80, 80);
        gr_tensor *t = TENSOR(GR_I64, GR_SHAPE(2), 0, 0);
        gr_tensor *sum = gr_loss_cross_entropy_with(x, t, options, GR_SUM);
        EXPECT(gr_loss_cross_entropy_with(x, t, options, GR_NONE), 1e-6, 0.2 * 160,
               log(2) + 0.8 * 160);
        EXPECT(slope(sum, x), 1e-6, 0.2, -0.1, -0.1, -0.8, 0.4, 0.4);
    }
    /* A class that a logit of -inf excludes takes no share of the smoothing if it weighs 0. */
    options.weight = TENSOR(GR_F64, GR_SHAPE(3), 1, 1, 0);
    gr_tensor *x = TENSOR(GR_F64, GR_SHAPE(1, 3), 0, 0, -(double)INFINITY);
    gr_tensor *sum = gr_loss_cross_entropy_with(x, gr_full(GR_I64, GR_SHAPE(1), 1), options,
                                                GR_SUM);
    EXPECT(sum, 1e-15, 0.9 * log(2));
    EXPECT(slope(sum, x), 1e-15, 0.35, -0.35, 0);
}

static gr_tensor *checked_with(gr_tensor *const *inputs, int n, void *context)
{
    gr_cross_entropy_options options = smoothed(0.25);

    (void)n;
    options.weight = inputs[1];
    options.ignore = 0;
    return gr_loss_cross_entropy_with(inputs[0], context, options, GR_MEAN);
}

Test(classification, derivatives_with_options)
{
    gr_tensor *inputs[] = {class_logits(), class_weight()};

    cr_assert(gr_gradcheck(checked_with, class_labels(), inputs, 2, 2), "%s", gr_error_message());
}

Test(classification, options_errors)
{
    gr_tensor *x = gr_full(GR_F32, GR_SHAPE(4, 3), 1), *t = gr_full(GR_I64, GR_SHAPE(4), 1);
    gr_cross_entropy_options options = smoothed(1.5);
    int64_t wrong[] = {0, 1, 3, 2};

    EXPECT_ERROR(gr_loss_cross_entropy_with(x, t, options, GR_MEAN),
                 "gr_loss_cross_entropy_with: smoothing: got 1.5, want 0 to 1");
    options = smoothed(NAN);
    EXPECT_ERROR(gr_loss_cross_entropy_with(x, t, options, GR_MEAN),
                 "gr_loss_cross_entropy_with: smoothing: got nan, want 0 to 1");
    options = smoothed(0.1);
    options.axis = 2;
    EXPECT_ERROR(gr_loss_cross_entropy_with(x, t, options, GR_MEAN),
                 "gr_loss_cross_entropy_with: axis: got 2, want an axis of logits, (4,3)");
    options.axis = 0;
    EXPECT_ERROR(gr_loss_cross_entropy_with(x, t, options, GR_MEAN),
                 "gr_loss_cross_entropy_with: labels: got (4), want (3) since logits is (4,3)");
    options.axis = 1;
    options.weight = gr_full(GR_F32, GR_SHAPE(4), 1);
    EXPECT_ERROR(gr_loss_cross_entropy_with(x, t, options, GR_MEAN),
                 "gr_loss_cross_entropy_with: weight: got (4), want (3) since logits is (4,3)");
    options.weight = gr_full(GR_F64, GR_SHAPE(3), 1);
    EXPECT_ERROR(gr_loss_cross_entropy_with(x, t, options, GR_MEAN),
                 "gr_loss_cross_entropy_with: weight: got f64, want f32 as logits");
    options.weight = broken();
    EXPECT_SILENT(gr_loss_cross_entropy_with(x, t, options, GR_MEAN));
    options.weight = NULL;
    EXPECT_ERROR(gr_loss_cross_entropy_with(t, t, options, GR_MEAN),
                 "gr_loss_cross_entropy_with: logits: got i64, want f32 or f64");
    EXPECT_ERROR(gr_loss_cross_entropy_with(x, gr_from_i64(GR_SHAPE(4), wrong), options, GR_MEAN),
                 "gr_loss_cross_entropy_with: labels: got 3 at (2), want 0 to 2");
    EXPECT_SILENT(gr_loss_cross_entropy_with(broken(), t, options, GR_MEAN));
    EXPECT_SILENT(gr_loss_cross_entropy_with(x, broken(), options, GR_MEAN));
}

/* ---- errors ---- */

Test(classification, cross_entropy_errors)
{
    gr_tensor *x = gr_full(GR_F32, GR_SHAPE(4, 3), 1), *t = gr_full(GR_I64, GR_SHAPE(4), 1);
    gr_tensor *flat = gr_full(GR_F32, GR_SHAPE(4), 1);

    EXPECT_ERROR(gr_loss_cross_entropy(x, gr_full(GR_I64, GR_SHAPE(5), 1), GR_MEAN),
                 "gr_loss_cross_entropy: labels: got (5), want (4) since logits is (4,3)");
    EXPECT_ERROR(gr_loss_cross_entropy(x, gr_full(GR_I64, GR_SHAPE(4, 1), 1), GR_MEAN),
                 "gr_loss_cross_entropy: labels: got (4,1), want (4) since logits is (4,3)");
    EXPECT_ERROR(gr_loss_cross_entropy(x, flat, GR_MEAN),
                 "gr_loss_cross_entropy: labels: got f32, want i64; "
                 "gr_loss_cross_entropy_dense takes distributions");
    EXPECT_ERROR(gr_loss_cross_entropy(t, t, GR_MEAN),
                 "gr_loss_cross_entropy: logits: got i64, want f32 or f64");
    EXPECT_ERROR(gr_loss_cross_entropy(flat, t, GR_MEAN),
                 "gr_loss_cross_entropy: logits: got (4), want (N,C,*)");
    EXPECT_ERROR(gr_loss_cross_entropy(x, NULL, GR_MEAN),
                 "gr_loss_cross_entropy: labels: got NULL, want a tensor");
    EXPECT_SILENT(gr_loss_cross_entropy(broken(), t, GR_MEAN));
    EXPECT_SILENT(gr_loss_cross_entropy(x, broken(), GR_MEAN));
}

/* A label that is no class is an error, never a read out of range. */
Test(classification, labels_out_of_range)
{
    double bad[] = {3, -1, -100};
    gr_tensor *x = gr_full(GR_F32, GR_SHAPE(2, 3), 1);

    for (int i = 0; i < 3; i++) {
        gr_tensor *loss = gr_loss_cross_entropy(x, TENSOR(GR_I64, GR_SHAPE(2), 1, bad[i]), GR_MEAN);
        cr_assert(isnan(gr_item(loss)), "label %g", bad[i]);
        cr_assert_eq(gr_error_code(), GR_ERROR_VALUE, "%s", gr_error_message());
        gr_error_clear();
    }
}

Test(classification, dense_cross_entropy_errors)
{
    gr_tensor *x = gr_full(GR_F32, GR_SHAPE(4, 3), 1), *flat = gr_full(GR_F32, GR_SHAPE(4), 1);

    EXPECT_ERROR(gr_loss_cross_entropy_dense(x, flat, GR_MEAN),
                 "gr_loss_cross_entropy_dense: target: got (4), want (4,3) as logits");
    EXPECT_ERROR(gr_loss_cross_entropy_dense(flat, flat, GR_MEAN),
                 "gr_loss_cross_entropy_dense: logits: got (4), want (N,C,*)");
    EXPECT_ERROR(gr_loss_cross_entropy_dense(x, gr_cast(x, GR_F64), GR_MEAN),
                 "gr_loss_cross_entropy_dense: target: got f64, want f32 as logits");
    EXPECT_SILENT(gr_loss_cross_entropy_dense(broken(), x, GR_MEAN));
    EXPECT_SILENT(gr_loss_cross_entropy_dense(x, broken(), GR_MEAN));
}
