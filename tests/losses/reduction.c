/* gr_reduce: sum, mean and batch mean of values v (3, 2), weighted by w, masked by k. */
#include "tests/losses/expect.h"

TestSuite(reduction, .init = quiet);

static const double v[] = {2.385, -0.771, 0.418, 5.093, -1.264, 3.902};
static const double w[] = {0.7, 1.9, 0.35, 2.6, 1.15, 0.45};

static gr_tensor *values(void)
{
    return gr_from_data(GR_F64, GR_SHAPE(3, 2), v);
}

static double sum_of(const double *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        sum += x[i];
    }
    return sum;
}

Test(reduction, none_sum_mean_batch_mean)
{
    double s = sum_of(v, 6);

    EXPECT_ARRAY(gr_reduce(values(), GR_NONE), 0, v);
    EXPECT_SHAPE(gr_reduce(values(), GR_NONE), GR_SHAPE(3, 2));
    EXPECT(gr_reduce(values(), GR_SUM), 1e-15, s);
    EXPECT(gr_reduce(values(), GR_MEAN), 1e-15, s / 6);
    EXPECT(gr_reduce(values(), GR_BATCH_MEAN), 1e-15, s / 3);
    EXPECT_SHAPE(gr_reduce(values(), GR_MEAN), GR_SCALAR);
}

/* sum w v; mean: / sum w; batch mean: / 3 */
Test(reduction, weights_of_the_values_shape)
{
    gr_tensor *weight = gr_from_data(GR_F64, GR_SHAPE(3, 2), w);
    double wv[6];
    for (int i = 0; i < 6; i++) {
        wv[i] = w[i] * v[i];
    }
    double s = sum_of(wv, 6);

    EXPECT_ARRAY(gr_reduce(values(), gr_weighted(GR_NONE, weight)), 1e-15, wv);
    EXPECT(gr_reduce(values(), gr_weighted(GR_SUM, weight)), 1e-15, s);
    EXPECT(gr_reduce(values(), gr_weighted(GR_MEAN, weight)), 1e-15, s / sum_of(w, 6));
    EXPECT(gr_reduce(values(), gr_weighted(GR_BATCH_MEAN, weight)), 1e-15, s / 3);
}

/* A weight (3) holds for both values of its row, a weight () for all. */
Test(reduction, weights_of_the_leading_axes)
{
    gr_tensor *rows = gr_from_data(GR_F64, GR_SHAPE(3), w);
    double wv[] = {w[0] * v[0], w[0] * v[1], w[1] * v[2], w[1] * v[3], w[2] * v[4], w[2] * v[5]};
    double s = sum_of(wv, 6);

    EXPECT_ARRAY(gr_reduce(values(), gr_weighted(GR_NONE, rows)), 1e-15, wv);
    EXPECT(gr_reduce(values(), gr_weighted(GR_SUM, rows)), 1e-15, s);
    EXPECT(gr_reduce(values(), gr_weighted(GR_MEAN, rows)), 1e-15, s / (2 * sum_of(w, 3)));
    gr_tensor *one = gr_full(GR_F64, GR_SCALAR, 1.7);
    EXPECT(gr_reduce(values(), gr_weighted(GR_SUM, one)), 1e-15, 1.7 * sum_of(v, 6));
    EXPECT(gr_reduce(values(), gr_weighted(GR_MEAN, one)), 1e-15, sum_of(v, 6) / 6);
}

/* d mean / d v = w / sum w,   d mean / d w = (v - mean) / sum w */
Test(reduction, gradients_of_a_weighted_mean)
{
    gr_tensor *x = values(), *weight = gr_from_data(GR_F64, GR_SHAPE(3), w);
    gr_tensor *mean = gr_reduce(x, gr_weighted(GR_MEAN, weight));
    double all = 2 * sum_of(w, 3), m = gr_item(mean);

    EXPECT(slope(mean, x), 1e-15, w[0] / all, w[0] / all, w[1] / all, w[1] / all, w[2] / all,
           w[2] / all);
    EXPECT(slope(mean, weight), 1e-14, (v[0] + v[1] - 2 * m) / all, (v[2] + v[3] - 2 * m) / all,
           (v[4] + v[5] - 2 * m) / all);
}

/* Masks of every dtype; NaN and infinity under the mask do not count. */
Test(reduction, masks)
{
    gr_dtype dtypes[] = {GR_F32, GR_F64, GR_I64};
    double holes[] = {v[0], NAN, v[2], v[3], INFINITY, v[5]};
    double filled[] = {v[0], 0, v[2], v[3], 0, v[5]}, s = v[0] + v[2] + v[3] + v[5];

    for (int i = 0; i < 3; i++) {
        gr_tensor *x = gr_from_data(GR_F64, GR_SHAPE(3, 2), holes);
        gr_tensor *mask = TENSOR(dtypes[i], GR_SHAPE(3, 2), 1, 0, 1, -3, 0, 2);
        EXPECT_ARRAY(gr_reduce(x, gr_masked(GR_NONE, mask)), 0, filled);
        EXPECT(gr_reduce(x, gr_masked(GR_SUM, mask)), 1e-15, s);
        EXPECT(gr_reduce(x, gr_masked(GR_MEAN, mask)), 1e-15, s / 4);
        EXPECT(gr_reduce(x, gr_masked(GR_BATCH_MEAN, mask)), 1e-15, s / 3);
        EXPECT(slope(gr_reduce(x, gr_masked(GR_MEAN, mask)), x), 1e-15, 0.25, 0, 0.25, 0.25, 0,
               0.25);
    }
}

/* A number that is not 0 counts, even if the values' dtype cannot hold it. */
Test(reduction, a_mask_is_compared_in_its_own_dtype)
{
    gr_tensor *x = TENSOR(GR_F32, GR_SHAPE(2), 2.5, 4.25);
    gr_tensor *mask = TENSOR(GR_F64, GR_SHAPE(2), 1e-300, 0);

    EXPECT(gr_reduce(x, gr_masked(GR_SUM, mask)), 0, 2.5);
}

Test(reduction, masks_of_the_leading_axes)
{
    gr_tensor *mask = TENSOR(GR_I64, GR_SHAPE(3), 0, 1, 1);
    double s = v[2] + v[3] + v[4] + v[5];

    EXPECT(gr_reduce(values(), gr_masked(GR_NONE, mask)), 0, 0, 0, v[2], v[3], v[4], v[5]);
    EXPECT(gr_reduce(values(), gr_masked(GR_MEAN, mask)), 1e-15, s / 4);
}

/* Masked out, a weight does not count either, NaN included: sum k w v / sum k w. */
Test(reduction, weights_under_a_mask)
{
    double weight[] = {w[0], NAN, w[2], w[3], w[4], w[5]};
    gr_tensor *mask = TENSOR(GR_I64, GR_SHAPE(3, 2), 1, 0, 1, 1, 1, 0);
    gr_reduction how = gr_weighted(GR_MEAN, gr_from_data(GR_F64, GR_SHAPE(3, 2), weight));
    gr_tensor *x = values();
    double s = w[0] * v[0] + w[2] * v[2] + w[3] * v[3] + w[4] * v[4];
    double all = w[0] + w[2] + w[3] + w[4];

    gr_tensor *mean = gr_reduce(x, gr_masked(how, mask));
    EXPECT(mean, 1e-15, s / all);
    EXPECT(slope(mean, x), 1e-15, w[0] / all, 0, w[2] / all, w[3] / all, w[4] / all, 0);
    EXPECT(gr_reduce(x, gr_masked(gr_divided(how, 8), mask)), 1e-15, s / 8);
}

/* sum / n, whatever the kind's own divisor is */
Test(reduction, divided)
{
    double s = sum_of(v, 6);
    gr_tensor *mask = TENSOR(GR_F64, GR_SHAPE(3, 2), 0, 1, 1, 1, 1, 1);

    EXPECT(gr_reduce(values(), gr_divided(GR_SUM, 7)), 1e-15, s / 7);
    EXPECT(gr_reduce(values(), gr_divided(GR_MEAN, 7)), 1e-15, s / 7);
    EXPECT(gr_reduce(values(), gr_divided(GR_BATCH_MEAN, 2.5)), 1e-15, s / 2.5);
    EXPECT(gr_reduce(values(), gr_masked(gr_divided(GR_MEAN, 7), mask)), 1e-15, (s - v[0]) / 7);
}

/* The mean over nothing is 0, with gradient 0. */
Test(reduction, mean_over_nothing)
{
    gr_tensor *x = values(), *none = gr_full(GR_F64, GR_SHAPE(3), 0);
    gr_reduction how[] = {gr_masked(GR_MEAN, none), gr_weighted(GR_MEAN, none),
                          gr_masked(gr_weighted(GR_MEAN, x), none), gr_masked(GR_BATCH_MEAN, none)};

    for (int i = 0; i < 4; i++) {
        gr_tensor *mean = gr_reduce(x, how[i]);
        EXPECT(mean, 0, 0);
        EXPECT(slope(mean, x), 0, 0, 0, 0, 0, 0, 0);
    }
}

Test(reduction, no_values)
{
    gr_reduction how[] = {GR_SUM, GR_MEAN, GR_BATCH_MEAN};

    for (int i = 0; i < 3; i++) {
        gr_tensor *x = gr_full(GR_F32, GR_SHAPE(0, 2), 1), *y = gr_reduce(x, how[i]);
        EXPECT(y, 0, 0);
        EXPECT_SHAPE(slope(y, x), GR_SHAPE(0, 2));
    }
}

Test(reduction, makes_no_node_that_nobody_reads)
{
    gr_tensor *x = values(), *weight = gr_from_data(GR_F64, GR_SHAPE(3), w);
    gr_tensor *mean = gr_reduce(x, gr_masked(gr_weighted(GR_MEAN, weight), weight));
    gr_tensor *plain = gr_reduce(x, GR_MEAN);
    gr_params *params = gr_params_new();
    gr_tensor *cell = gr_state(params, "x", gr_zeros(GR_SCALAR)), *one = gr_ones(GR_SCALAR);

    cr_assert(gr_eval(3, (gr_tensor *[]){mean, plain, one}));
    gr_work before = gr_work_stats();
    cr_assert(gr_assign_all(1, &cell, &one));
    cr_assert_eq(gr_work_stats().scheduled, before.scheduled);
    gr_params_free(params);
}

Test(reduction, errors)
{
    gr_tensor *x = values(), *four = gr_full(GR_F64, GR_SHAPE(4), 1);
    gr_tensor *single = gr_full(GR_F32, GR_SHAPE(3), 1), *labels = gr_full(GR_I64, GR_SHAPE(3), 1);
    gr_tensor *deep = gr_full(GR_F64, GR_SHAPE(3, 2, 1), 1);

    EXPECT_ERROR(gr_reduce(x, gr_weighted(GR_MEAN, four)),
                 "gr_reduce: weight: got (4), want (3,2) or its leading axes");
    EXPECT_ERROR(gr_reduce(x, gr_masked(GR_MEAN, deep)),
                 "gr_reduce: mask: got (3,2,1), want (3,2) or its leading axes");
    EXPECT_ERROR(gr_reduce(x, gr_weighted(GR_SUM, single)),
                 "gr_reduce: weight: got f32, want f64 as values");
    EXPECT_ERROR(gr_reduce(labels, GR_MEAN), "gr_reduce: values: got i64, want f32 or f64");
    EXPECT_ERROR(gr_reduce(gr_full(GR_F32, GR_SCALAR, 1), GR_BATCH_MEAN),
                 "gr_reduce: values: got (), want a first axis for GR_BATCH_MEAN");
    EXPECT_ERROR(gr_reduce(x, gr_divided(GR_NONE, 3)),
                 "gr_reduce: how: got GR_NONE with gr_divided, want a kind that sums");
    EXPECT_ERROR(gr_reduce(x, (gr_reduction){GR__SUM, NULL, NULL, -2}),
                 "gr_reduce: divisor: got -2, want 0 or more");
}

/* A bad divisor is an error at once, and is not taken for none later. */
Test(reduction, divided_by_nothing)
{
    double bad[] = {0, -1.5, NAN, INFINITY};
    const char *text[] = {"0", "-1.5", "nan", "inf"};

    for (int i = 0; i < 4; i++) {
        char want[80];
        snprintf(want, sizeof want, "gr_divided: n: got %s, want positive and finite", text[i]);
        gr_reduction how = gr_divided(GR_MEAN, bad[i]);
        expect_message(want, __LINE__);
        EXPECT_ERROR(gr_reduce(values(), how), "gr_reduce: divisor: got nan, want 0 or more");
    }
}

Test(reduction, error_tensors_pass_silently)
{
    EXPECT_SILENT(gr_reduce(broken(), GR_MEAN));
    EXPECT_SILENT(gr_reduce(values(), gr_weighted(GR_MEAN, broken())));
    EXPECT_SILENT(gr_reduce(values(), gr_masked(GR_MEAN, broken())));
}
