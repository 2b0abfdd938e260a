/* Losses of overlap: 1 - (TP + eps) / (TP + alpha FP + beta FN + eps), TP = sum(p y),
 * FP = sum(p (1 - y)), FN = sum((1 - p) y); Dice is alpha = beta = 1/2 with half the eps. */
#include "tests/losses/expect.h"

TestSuite(segmentation, .init = quiet);

enum { N = 2, C = 3, H = 2, W = 2, L = H * W };
static const double p[N][C][L] = {
    {{0.91, 0.13, 0.47, 0.62}, {0.05, 0.33, 0.78, 0.29}, {0.5, 0.5, 0.01, 0.99}},
    {{0.21, 0.84, 0.66, 0.07}, {0.95, 0.38, 0.12, 0.57}, {0.42, 0.73, 0.18, 0.36}}};
static const double y[N][C][L] = {{{1, 0, 0, 1}, {0, 0, 1, 0}, {0, 1, 0, 0}},
                                  {{0, 1, 1, 0}, {0.25, 0.5, 0, 0.9}, {0, 0, 0, 0}}};
static const double eps = 0.3;

static gr_tensor *probability(gr_dtype dtype)
{
    return gr_cast(gr_from_data(GR_F64, GR_SHAPE(N, C, H, W), p), dtype);
}

static gr_tensor *target(gr_dtype dtype)
{
    return gr_cast(gr_from_data(GR_F64, GR_SHAPE(N, C, H, W), y), dtype);
}

/* The values in the order of GR_NONE: (N, C), or (C) where a batch is one region. */
static void values_of(double alpha, double beta, double e, bool batch, double *v)
{
    double tp[N * C] = {0}, fp[N * C] = {0}, fn[N * C] = {0};
    for (int n = 0; n < N; n++) {
        for (int c = 0; c < C; c++) {
            for (int l = 0; l < L; l++) {
                int at = batch ? c : n * C + c;
                tp[at] += p[n][c][l] * y[n][c][l];
                fp[at] += p[n][c][l] * (1 - y[n][c][l]);
                fn[at] += (1 - p[n][c][l]) * y[n][c][l];
            }
        }
    }
    for (int i = 0; i < (batch ? C : N * C); i++) {
        v[i] = 1 - (tp[i] + e) / (tp[i] + alpha * fp[i] + beta * fn[i] + e);
    }
}

static double sum_of(const double *v, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        sum += v[i];
    }
    return sum;
}

Test(segmentation, dice_values_and_reductions)
{
    gr_tensor *x = probability(GR_F64), *t = target(GR_F64);
    gr_reduction how = gr_weighted(GR_MEAN, TENSOR(GR_F64, GR_SHAPE(N), 0.7, 1.9));
    double v[N * C];
    values_of(0.5, 0.5, 0.5e-5, false, v);

    EXPECT_ARRAY(gr_loss_dice(x, t, GR_NONE), 1e-14, v);
    EXPECT_SHAPE(gr_loss_dice(x, t, GR_NONE), GR_SHAPE(N, C));
    EXPECT(gr_loss_dice(x, t, GR_SUM), 1e-14, sum_of(v, 6));
    EXPECT(gr_loss_dice(x, t, GR_MEAN), 1e-14, sum_of(v, 6) / 6);
    EXPECT(gr_loss_dice(x, t, GR_BATCH_MEAN), 1e-14, sum_of(v, 6) / 2);
    EXPECT(gr_loss_dice(x, t, how), 1e-14,
           (0.7 * sum_of(v, 3) + 1.9 * sum_of(v + 3, 3)) / (3 * 2.6));
    EXPECT(gr_loss_dice(probability(GR_F32), target(GR_F32), GR_MEAN), 1e-6, sum_of(v, 6) / 6);
    EXPECT_ARRAY(
        gr_loss_dice(gr_reshape(x, GR_SHAPE(N, C, L)), gr_reshape(t, GR_SHAPE(N, C, L)), GR_NONE),
        1e-14, v);
}

/* 1 - (2 sum(p y) + eps) / (sum p + sum y + eps), the textbook's form. */
Test(segmentation, dice_by_hand)
{
    gr_tensor *x = TENSOR(GR_F64, GR_SHAPE(1, 1, 4), 0.5, 1, 0.25, 0);
    gr_tensor *t = TENSOR(GR_F64, GR_SHAPE(1, 1, 4), 1, 1, 0, 0);
    gr_overlap_options options = gr_overlap_defaults();

    EXPECT(gr_loss_dice(x, t, GR_NONE), 1e-15, 1 - (3 + 1e-5) / (3.75 + 1e-5));
    options.eps = 1;
    EXPECT(gr_loss_dice_with(x, t, options, GR_NONE), 1e-15, 1 - 4 / 4.75);
}

Test(segmentation, options)
{
    gr_tensor *x = probability(GR_F64), *t = target(GR_F64);
    gr_overlap_options options = gr_overlap_defaults();
    double v[N * C];

    options.eps = eps;
    values_of(0.5, 0.5, eps / 2, false, v);
    EXPECT_ARRAY(gr_loss_dice_with(x, t, options, GR_NONE), 1e-14, v);
    values_of(0.3, 0.7, eps, false, v);
    EXPECT_ARRAY(gr_loss_tversky_with(x, t, 0.3, 0.7, options, GR_NONE), 1e-14, v);
    values_of(0.3, 0.7, 1e-5, false, v);
    EXPECT_ARRAY(gr_loss_tversky(x, t, 0.3, 0.7, GR_NONE), 1e-14, v);

    double one_region[C];
    options.batch = true;
    values_of(0.5, 0.5, eps / 2, true, one_region);
    EXPECT_ARRAY(gr_loss_dice_with(x, t, options, GR_NONE), 1e-14, one_region);
    EXPECT_SHAPE(gr_loss_dice_with(x, t, options, GR_NONE), GR_SHAPE(C));
    values_of(0.3, 0.7, eps, true, one_region);
    EXPECT(gr_loss_tversky_with(x, t, 0.3, 0.7, options, GR_MEAN), 1e-14,
           sum_of(one_region, C) / C);
}

/* alpha weighs what is found wrongly, beta what is missed: 0.6 / 1.6 and 1.4 / 2.4. */
Test(segmentation, tversky_sides)
{
    gr_tensor *more = TENSOR(GR_F64, GR_SHAPE(1, 1, 4), 1, 1, 1, 0);
    gr_tensor *less = TENSOR(GR_F64, GR_SHAPE(1, 1, 4), 1, 0, 0, 0);

    EXPECT(gr_loss_tversky(more, less, 0.3, 0.7, GR_SUM), 1e-5, 0.375);
    EXPECT(gr_loss_tversky(less, more, 0.3, 0.7, GR_SUM), 1e-5, 1.4 / 2.4);
    EXPECT(gr_loss_tversky(more, less, 0, 0, GR_SUM), 0, 0);
}

/* An exact fit and nothing against nothing cost exactly 0, a wholly wrong answer nearly 1; no slope
 * is infinite. */
Test(segmentation, ends)
{
    for (gr_dtype dtype = GR_F32; dtype <= GR_F64; dtype++) {
        gr_tensor *t = TENSOR(dtype, GR_SHAPE(1, 4, 2), 1, 1, 1, 0, 0, 0, 1, 0);
        gr_tensor *x = TENSOR(dtype, GR_SHAPE(1, 4, 2), 1, 1, 1, 0, 0, 0, 0, 1);
        gr_tensor *values = gr_loss_dice(x, t, GR_NONE);
        EXPECT(gr_slice(values, 1, 0, 3), 0, 0, 0, 0);
        EXPECT(gr_slice(values, 1, 3, 4), 1e-5, 1);
        EXPECT(gr_loss_tversky(t, t, 0.3, 0.7, GR_NONE), 0, 0, 0, 0, 0);
        /* d / d p = ((1/2 - y) (TP + eps') - ...) / ...: at the empty channel 1 / eps */
        EXPECT(gr_slice(slope(gr_sum(values, GR_ALL_AXES, false), x), 1, 2, 3), 1e-6, 1e5, 1e5);
    }
}

/* d / d p_i = ((alpha (1 - y_i) - beta y_i) (TP + eps) - y_i miss) / (TP + miss + eps)^2 */
Test(segmentation, gradient)
{
    gr_overlap_options options = gr_overlap_defaults();
    options.eps = eps;
    gr_tensor *x = probability(GR_F64);
    gr_tensor *sum = gr_loss_tversky_with(x, target(GR_F64), 0.3, 0.7, options, GR_SUM);
    double want[N * C * L];
    for (int i = 0; i < N * C * L; i++) {
        const double *q = p[i / (C * L)][i / L % C], *t = y[i / (C * L)][i / L % C];
        double tp = 0, miss = 0, u = t[i % L];
        for (int l = 0; l < L; l++) {
            tp += q[l] * t[l];
            miss += 0.3 * q[l] * (1 - t[l]) + 0.7 * (1 - q[l]) * t[l];
        }
        double all = tp + miss + eps, d = 0.3 * (1 - u) - 0.7 * u;
        want[i] = (d * (tp + eps) - u * miss) / (all * all);
    }
    EXPECT_ARRAY(slope(sum, x), 1e-14, want);
}

Test(segmentation, missing_channels)
{
    double holes[N][C][L], v[N * C];
    memcpy(holes, p, sizeof p);
    holes[0][1][2] = NAN;
    gr_tensor *x = gr_from_data(GR_F64, GR_SHAPE(N, C, H, W), holes), *t = target(GR_F64);
    gr_tensor *mask = TENSOR(GR_I64, GR_SHAPE(N, C), 1, 0, 1, 1, 1, 1);
    gr_tensor *mean = gr_loss_dice(x, t, gr_masked(GR_MEAN, mask));

    values_of(0.5, 0.5, 0.5e-5, false, v);
    EXPECT(mean, 1e-14, (sum_of(v, 6) - v[1]) / 5);
    gr_tensor *g = gr_reshape(slope(mean, x), GR_SHAPE(N * C, L));
    EXPECT(gr_slice(g, 0, 1, 2), 0, 0, 0, 0, 0);
    cr_assert(isfinite(gr_item(gr_sum(g, GR_ALL_AXES, false))));

    gr_overlap_options options = gr_overlap_defaults();
    options.batch = true;
    values_of(0.5, 0.5, 0.5e-5, true, v);
    mask = TENSOR(GR_F64, GR_SHAPE(C), 1, 0, 1);
    mean = gr_loss_dice_with(x, t, options, gr_masked(GR_MEAN, mask));
    EXPECT(mean, 1e-14, (v[0] + v[2]) / 2);
    cr_assert(isfinite(gr_item(gr_sum(slope(mean, x), GR_ALL_AXES, false))));

    mean = gr_loss_tversky(x, t, 0.3, 0.7, gr_masked(GR_MEAN, gr_full(GR_I64, GR_SHAPE(N), 0)));
    EXPECT(mean, 0, 0);
    EXPECT(gr_sum(gr_abs(slope(mean, x)), GR_ALL_AXES, false), 0, 0);
}

/* From logits, as the header says: through gr_sigmoid or gr_softmax, however large. */
Test(segmentation, from_extreme_logits)
{
    for (gr_dtype dtype = GR_F32; dtype <= GR_F64; dtype++) {
        gr_tensor *x = TENSOR(dtype, GR_SHAPE(1, 2, 2), 80, -80, -80, 80);
        gr_tensor *t = TENSOR(dtype, GR_SHAPE(1, 2, 2), 1, 0, 1, 0);
        gr_tensor *sum = gr_loss_dice(gr_sigmoid(x), t, GR_SUM);
        EXPECT(gr_loss_dice(gr_sigmoid(x), t, GR_NONE), 1e-5, 0, 1);
        EXPECT(gr_loss_dice(gr_softmax(x, GR_AXES(1)), t, GR_NONE), 1e-5, 0, 1);
        EXPECT(slope(sum, x), 1e-15, 0, 0, 0, 0);
    }
}

static gr_tensor *checked_dice(gr_tensor *const *inputs, int n, void *context)
{
    (void)n;
    (void)context;
    return gr_loss_dice(inputs[0], target(GR_F64), GR_MEAN);
}

static gr_tensor *checked_tversky(gr_tensor *const *inputs, int n, void *context)
{
    gr_overlap_options options = {.eps = eps, .batch = true};

    (void)n;
    (void)context;
    return gr_loss_tversky_with(inputs[0], inputs[1], 0.3, 0.7, options, GR_MEAN);
}

Test(segmentation, derivatives_of_order_1_and_2)
{
    gr_tensor *inputs[] = {probability(GR_F64), target(GR_F64)};

    cr_assert(gr_gradcheck(checked_dice, NULL, inputs, 1, 2), "%s", gr_error_message());
    cr_assert(gr_gradcheck(checked_tversky, NULL, inputs, 2, 2), "%s", gr_error_message());
}

Test(segmentation, errors)
{
    gr_tensor *x = gr_full(GR_F32, GR_SHAPE(2, 3, 4), 1),
              *flat = gr_full(GR_F32, GR_SHAPE(2, 3), 1);
    gr_overlap_options options = gr_overlap_defaults();

    EXPECT_ERROR(gr_loss_dice(x, flat, GR_MEAN),
                 "gr_loss_dice: target: got (2,3), want (2,3,4) as probability");
    EXPECT_ERROR(gr_loss_dice(flat, flat, GR_MEAN),
                 "gr_loss_dice: probability: got (2,3), want (N,C,L,*)");
    EXPECT_ERROR(gr_loss_dice(x, gr_cast(x, GR_I64), GR_MEAN),
                 "gr_loss_dice: target: got i64, want f32 as probability");
    EXPECT_ERROR(gr_loss_tversky(x, NULL, 0.5, 0.5, GR_MEAN),
                 "gr_loss_tversky: target: got NULL, want a tensor");
    EXPECT_ERROR(gr_loss_tversky(x, x, -0.5, 0.5, GR_MEAN),
                 "gr_loss_tversky: alpha: got -0.5, want 0 or more and finite");
    EXPECT_ERROR(gr_loss_tversky(x, x, 0.5, (double)NAN, GR_MEAN),
                 "gr_loss_tversky: beta: got nan, want 0 or more and finite");
    options.eps = 0;
    EXPECT_ERROR(gr_loss_dice_with(x, x, options, GR_MEAN),
                 "gr_loss_dice_with: eps: got 0, want positive and finite");
    EXPECT_ERROR(gr_loss_tversky_with(x, x, 0.5, 0.5, options, GR_MEAN),
                 "gr_loss_tversky_with: eps: got 0, want positive and finite");
    EXPECT_ERROR(gr_loss_dice(x, x, gr_masked(GR_MEAN, x)),
                 "gr_reduce: mask: got (2,3,4), want (2,3) or its leading axes");
    EXPECT_SILENT(gr_loss_dice(broken(), x, GR_MEAN));
    EXPECT_SILENT(gr_loss_tversky(x, broken(), 0.5, 0.5, GR_MEAN));
}
