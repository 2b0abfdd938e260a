/* Losses of metric learning: rows a, b, c of D features, cos(a, b) and |a - b|. */
#include "tests/losses/expect.h"

TestSuite(metric, .init = quiet);

enum { N = 3, D = 4 };
static const double a[N][D] = {
    {2.385, -0.771, 0.418, 1.093}, {-1.264, 0.902, 0.113, -2.121}, {0.346, 0.422, 2.281, -1.951}};
static const double b[N][D] = {
    {1.917, 0.346, 0.281, 0.613}, {0.107, 1.121, -0.19, -2.77}, {-0.402, 1.31, 1.55, 0.24}};
static const double c[N][D] = {
    {-0.56, 1.27, 0.84, 0.39}, {-1.02, 0.33, 0.71, -1.9}, {1.7, -2.2, 0.6, 0.15}};
static const double sign[N] = {1, -1, -1};

static gr_tensor *rows(const double v[N][D], gr_dtype dtype)
{
    return gr_cast(gr_from_data(GR_F64, GR_SHAPE(N, D), v), dtype);
}

static gr_tensor *signs(void)
{
    return gr_from_data(GR_F64, GR_SHAPE(N), sign);
}

static double dot(const double *u, const double *v)
{
    double sum = 0;
    for (int d = 0; d < D; d++) {
        sum += u[d] * v[d];
    }
    return sum;
}

static double cosine(const double *u, const double *v)
{
    return dot(u, v) / (sqrt(dot(u, u)) * sqrt(dot(v, v)));
}

static gr_reduction two_of_three(void)
{
    return gr_masked(GR_MEAN, TENSOR(GR_I64, GR_SHAPE(N), 1, 0, 1));
}

static gr_reduction none(void)
{
    return gr_masked(GR_MEAN, gr_full(GR_I64, GR_SHAPE(N), 0));
}

/* Row 1 is missing. */
static gr_tensor *with_hole(const double v[N][D])
{
    double holes[N][D];

    memcpy(holes, v, sizeof holes);
    holes[1][2] = NAN;
    return tensor_of(GR_F64, GR_SHAPE(N, D), &holes[0][0]);
}

static gr_tensor *row_1(const gr_tensor *g)
{
    return gr_slice(g, 0, 1, 2);
}

/* ---- angles ---- */

Test(metric, cosine_values_and_reductions)
{
    gr_tensor *x = rows(a, GR_F64), *y = rows(b, GR_F64);
    double v[N], s = 0, w[] = {0.7, 1.9, 0.35};
    for (int n = 0; n < N; n++) {
        s += v[n] = 1 - cosine(a[n], b[n]);
    }
    gr_reduction how = gr_weighted(GR_MEAN, gr_from_data(GR_F64, GR_SHAPE(N), w));

    EXPECT_ARRAY(gr_loss_cosine_similarity(x, y, GR_NONE), 1e-15, v);
    EXPECT_SHAPE(gr_loss_cosine_similarity(x, y, GR_NONE), GR_SHAPE(N));
    EXPECT(gr_loss_cosine_similarity(x, y, GR_SUM), 1e-15, s);
    EXPECT(gr_loss_cosine_similarity(x, y, GR_MEAN), 1e-15, s / 3);
    EXPECT(gr_loss_cosine_similarity(x, y, GR_BATCH_MEAN), 1e-15, s / 3);
    EXPECT(gr_loss_cosine_similarity(x, y, how), 1e-15,
           (w[0] * v[0] + w[1] * v[1] + w[2] * v[2]) / (w[0] + w[1] + w[2]));
    EXPECT(gr_loss_cosine_similarity(rows(a, GR_F32), rows(b, GR_F32), GR_MEAN), 1e-6, s / 3);
    gr_shape deep = GR_SHAPE(1, N, D);
    EXPECT_SHAPE(gr_loss_cosine_similarity(gr_reshape(x, deep), gr_reshape(y, deep), GR_NONE),
                 GR_SHAPE(1, N));
}

/* d cos / d a = b / (|a| |b|) - cos a / |a|^2 */
Test(metric, cosine_gradient)
{
    gr_tensor *x = rows(a, GR_F64);
    double want[N * D];
    for (int i = 0; i < N * D; i++) {
        const double *u = a[i / D], *v = b[i / D];
        want[i] = -v[i % D] / sqrt(dot(u, u) * dot(v, v)) + cosine(u, v) * u[i % D] / dot(u, u);
    }
    EXPECT_ARRAY(slope(gr_loss_cosine_similarity(x, rows(b, GR_F64), GR_SUM), x), 1e-15, want);
}

/* Equal directions cost 0, opposite ones 2, a zero vector 1; lengths do not matter, from 1e-8 on.
 * Below that the length counts as 1e-8, and the slope of a zero vector is that of a.b / 1e-8. */
Test(metric, cosine_ends)
{
    for (gr_dtype dtype = GR_F32; dtype <= GR_F64; dtype++) {
        gr_tensor *x = TENSOR(dtype, GR_SHAPE(6, 2), 3, 4, 3, 4, 0, 0, 0, 0, 3e8, 4e8, 3e-9, 4e-9);
        gr_tensor *y = TENSOR(dtype, GR_SHAPE(6, 2), 3, 4, -6, -8, 0, 0, 3, 4, 3e-7, 4e-7, 3, 4);
        gr_tensor *sum = gr_loss_cosine_similarity(x, y, GR_SUM), *g = slope(sum, x);
        EXPECT(gr_loss_cosine_similarity(x, y, GR_NONE), 1e-6, 0, 2, 1, 1, 0, 0.5);
        EXPECT(gr_slice(g, 0, 0, 5), 1e-6, 0, 0, 0, 0, 0, 0, -0.6e8, -0.8e8, 0, 0);
        EXPECT(gr_slice(slope(sum, y), 0, 2, 4), 0, 0, 0, 0, 0);
    }
}

Test(metric, cosine_missing_rows)
{
    gr_tensor *x = with_hole(a), *y = rows(b, GR_F64);
    gr_tensor *mean = gr_loss_cosine_similarity(x, y, two_of_three());

    EXPECT(mean, 1e-15, 1 - (cosine(a[0], b[0]) + cosine(a[2], b[2])) / 2);
    EXPECT(row_1(slope(mean, x)), 0, 0, 0, 0, 0);
    EXPECT(row_1(slope(mean, y)), 0, 0, 0, 0, 0);
    EXPECT(gr_loss_cosine_similarity(x, y, none()), 0, 0);
    EXPECT(gr_sum(gr_abs(slope(gr_loss_cosine_similarity(x, y, none()), x)), GR_ALL_AXES, false), 0,
           0);
}

/* target 1: 1 - cos;  -1: max(cos - margin, 0). cos(a_1, b_1) = 0.87, cos(a_2, b_2) = 0.53. */
Test(metric, cosine_embedding_values)
{
    double cos1 = cosine(a[1], b[1]), cos2 = cosine(a[2], b[2]);
    gr_tensor *x = rows(a, GR_F64), *y = rows(b, GR_F64), *t = signs();
    gr_tensor *values = gr_loss_cosine_embedding(x, y, t, 0.6, GR_NONE);

    cr_assert(cos1 > 0.6 && cos2 < 0.6 && cos2 > 0);
    EXPECT(values, 1e-15, 1 - cosine(a[0], b[0]), cos1 - 0.6, 0);
    EXPECT_SHAPE(values, GR_SHAPE(N));
    EXPECT(gr_loss_cosine_embedding(x, y, t, 0, GR_MEAN), 1e-15,
           (1 - cosine(a[0], b[0]) + cos1 + cos2) / 3);
    gr_tensor *g = slope(gr_loss_cosine_embedding(x, y, t, 0.6, GR_SUM), x);
    gr_tensor *plain = slope(gr_loss_cosine_similarity(x, y, GR_SUM), x);
    EXPECT(gr_sub(gr_slice(g, 0, 0, 1), gr_slice(plain, 0, 0, 1)), 1e-16, 0, 0, 0, 0);
    EXPECT(gr_add(row_1(g), row_1(plain)), 1e-16, 0, 0, 0, 0);
    EXPECT(gr_slice(g, 0, 2, 3), 0, 0, 0, 0, 0);
}

/* Zero vectors are at right angles to everything; equal ones that should differ cost 1 - margin. */
Test(metric, cosine_embedding_ends)
{
    gr_tensor *x = TENSOR(GR_F32, GR_SHAPE(3, 2), 0, 0, 0, 0, 3, 4);
    gr_tensor *t = TENSOR(GR_F32, GR_SHAPE(3), 1, -1, -1);
    gr_tensor *sum = gr_loss_cosine_embedding(x, x, t, 0.25, GR_SUM);

    EXPECT(gr_loss_cosine_embedding(x, x, t, 0.25, GR_NONE), 1e-6, 1, 0, 0.75);
    EXPECT(slope(sum, x), 1e-6, 0, 0, 0, 0, 0, 0);
}

Test(metric, cosine_embedding_missing_rows)
{
    gr_tensor *x = with_hole(a), *y = rows(b, GR_F64), *t = TENSOR(GR_F64, GR_SHAPE(N), 1, NAN, -1);
    gr_tensor *mean = gr_loss_cosine_embedding(x, y, t, 0, two_of_three());

    EXPECT(mean, 1e-15, (1 - cosine(a[0], b[0]) + cosine(a[2], b[2])) / 2);
    EXPECT(row_1(slope(mean, x)), 0, 0, 0, 0, 0);
    EXPECT(gr_loss_cosine_embedding(x, y, t, 0, none()), 0, 0);
}

/* ---- distances ---- */

static double distance(const double *u, const double *v, double eps)
{
    double sum = 0;
    for (int d = 0; d < D; d++) {
        sum += (u[d] - v[d] + eps) * (u[d] - v[d] + eps);
    }
    return sqrt(sum);
}

static double triplet(int n, double margin, double eps)
{
    return fmax(distance(a[n], b[n], eps) - distance(a[n], c[n], eps) + margin, 0);
}

Test(metric, triplet_values_and_reductions)
{
    gr_tensor *x = rows(a, GR_F64), *y = rows(b, GR_F64), *z = rows(c, GR_F64);
    double v[N], s = 0;
    for (int n = 0; n < N; n++) {
        s += v[n] = triplet(n, 1, 1e-3);
    }
    cr_assert(v[0] == 0 && v[1] > 0 && v[2] == 0);
    EXPECT_ARRAY(gr_loss_triplet_margin(x, y, z, 1, 1e-3, GR_NONE), 1e-15, v);
    EXPECT_SHAPE(gr_loss_triplet_margin(x, y, z, 1, 1e-3, GR_NONE), GR_SHAPE(N));
    EXPECT(gr_loss_triplet_margin(x, y, z, 1, 1e-3, GR_MEAN), 1e-15, s / 3);
    EXPECT(gr_loss_triplet_margin(x, y, z, 5, 0, GR_SUM), 1e-14,
           triplet(0, 5, 0) + triplet(1, 5, 0) + triplet(2, 5, 0));
    EXPECT(
        gr_loss_triplet_margin(rows(a, GR_F32), rows(b, GR_F32), rows(c, GR_F32), 5, 1e-6, GR_SUM),
        1e-6, triplet(0, 5, 1e-6) + triplet(1, 5, 1e-6) + triplet(2, 5, 1e-6));
}

/* d / d a = (a - b) / |a - b| - (a - c) / |a - c| where the margin is not kept, else 0. */
Test(metric, triplet_gradient)
{
    gr_tensor *x = rows(a, GR_F64), *y = rows(b, GR_F64), *z = rows(c, GR_F64);
    gr_tensor *sum = gr_loss_triplet_margin(x, y, z, 1, 0, GR_SUM);
    double want[N * D], for_y[N * D];
    for (int i = 0; i < N * D; i++) {
        int n = i / D, d = i % D;
        bool active = triplet(n, 1, 0) > 0;
        double near = (a[n][d] - b[n][d]) / distance(a[n], b[n], 0);
        double far = (a[n][d] - c[n][d]) / distance(a[n], c[n], 0);
        want[i] = active ? near - far : 0;
        for_y[i] = active ? -near : 0;
    }
    EXPECT_ARRAY(slope(sum, x), 1e-15, want);
    EXPECT_ARRAY(slope(sum, y), 1e-15, for_y);
}

/* Equal vectors: with eps their distance is eps sqrt(D); without, 0 with slope 0, to every order. */
Test(metric, triplet_equal_vectors)
{
    for (gr_dtype dtype = GR_F32; dtype <= GR_F64; dtype++) {
        gr_tensor *x = TENSOR(dtype, GR_SHAPE(1, 4), 1, 2, 3, 4);
        gr_tensor *y = TENSOR(dtype, GR_SHAPE(1, 4), 1, 2, 3, 4);
        gr_tensor *z = TENSOR(dtype, GR_SHAPE(1, 4), 1, 2, 3, 6);
        gr_tensor *sum = gr_loss_triplet_margin(x, y, z, 2.5, 0, GR_SUM), *g = slope(sum, x);
        EXPECT(sum, 1e-6, 0.5);
        EXPECT(g, 0, 0, 0, 0, 1);
        EXPECT(slope(sum, y), 0, 0, 0, 0, 0);
        cr_assert(
            isfinite(gr_item(gr_sum(slope(gr_sum(g, GR_ALL_AXES, false), x), GR_ALL_AXES, false))));
        sum = gr_loss_triplet_margin(x, x, x, 2.5, 0, GR_SUM);
        EXPECT(sum, 0, 2.5);
        EXPECT(slope(sum, x), 0, 0, 0, 0, 0);
        sum = gr_loss_triplet_margin(x, y, z, 2.5, 1e-2, GR_SUM);
        EXPECT(sum, 1e-6, 2.5 + 2e-2 - sqrt(3e-4 + 1.99 * 1.99));
        EXPECT(slope(sum, y), 1e-5, -0.5, -0.5, -0.5, -0.5);
    }
}

Test(metric, triplet_missing_rows)
{
    gr_tensor *x = with_hole(a), *y = rows(b, GR_F64), *z = rows(c, GR_F64);
    gr_tensor *mean = gr_loss_triplet_margin(x, y, z, 5, 1e-6, two_of_three());

    EXPECT(mean, 1e-15, (triplet(0, 5, 1e-6) + triplet(2, 5, 1e-6)) / 2);
    EXPECT(row_1(slope(mean, x)), 0, 0, 0, 0, 0);
    EXPECT(row_1(slope(mean, z)), 0, 0, 0, 0, 0);
    EXPECT(gr_loss_triplet_margin(x, y, z, 5, 0, none()), 0, 0);
    EXPECT(
        gr_sum(gr_abs(slope(gr_loss_triplet_margin(x, y, z, 5, 0, none()), x)), GR_ALL_AXES, false),
        0, 0);
}

/* ---- contrast: logsumexp_j(s_ij) - s_ii, s_ij = cos(a_i, b_j) / T ---- */

/* Over the rows that count; s_ij of i's row, or with `across` of i's column. */
static double contrast(int i, double T, bool across, const bool *counts)
{
    double sum = 0;
    for (int j = 0; j < N; j++) {
        sum += counts[j] ? exp((across ? cosine(a[j], b[i]) : cosine(a[i], b[j])) / T) : 0;
    }
    return log(sum) - cosine(a[i], b[i]) / T;
}

static const bool all[N] = {true, true, true}, two[N] = {true, false, true};

Test(metric, info_nce_values_and_reductions)
{
    gr_tensor *x = rows(a, GR_F64), *y = rows(b, GR_F64);
    double v[N], both[N], s = 0, sum = 0;
    for (int n = 0; n < N; n++) {
        s += v[n] = contrast(n, 0.2, false, all);
        sum += both[n] = (v[n] + contrast(n, 0.2, true, all)) / 2;
    }
    EXPECT_ARRAY(gr_loss_info_nce(x, y, 0.2, GR_NONE), 1e-14, v);
    EXPECT_SHAPE(gr_loss_info_nce(x, y, 0.2, GR_NONE), GR_SHAPE(N));
    EXPECT(gr_loss_info_nce(x, y, 0.2, GR_MEAN), 1e-14, s / 3);
    EXPECT_ARRAY(gr_loss_clip(x, y, 0.2, GR_NONE), 1e-14, both);
    EXPECT_SHAPE(gr_loss_clip(x, y, 0.2, GR_NONE), GR_SHAPE(N));
    EXPECT(gr_loss_clip(x, y, 0.2, GR_MEAN), 1e-14, sum / 3);
    EXPECT(gr_sub(gr_loss_clip(y, x, 0.2, GR_NONE), gr_loss_clip(x, y, 0.2, GR_NONE)), 1e-14, 0, 0,
           0);
    EXPECT(gr_loss_info_nce(rows(a, GR_F32), rows(b, GR_F32), 0.2, GR_MEAN), 1e-6, s / 3);
    EXPECT(gr_loss_clip(rows(a, GR_F32), rows(b, GR_F32), 0.2, GR_MEAN), 1e-6, sum / 3);
}

/* Views of orthogonal samples: log(1 + (N - 1) e^(-1/T)). One sample alone has no negative: 0. */
Test(metric, info_nce_by_hand)
{
    for (gr_dtype dtype = GR_F32; dtype <= GR_F64; dtype++) {
        gr_tensor *x = TENSOR(dtype, GR_SHAPE(2, 2), 3, 0, 0, 0.5);
        gr_tensor *y = TENSOR(dtype, GR_SHAPE(2, 2), 1, 0, 0, 7);
        double want = log(1 + exp(-2));
        EXPECT(gr_loss_info_nce(x, y, 0.5, GR_NONE), 1e-6, want, want);
        EXPECT(gr_loss_clip(x, y, 0.5, GR_NONE), 1e-6, want, want);
        gr_tensor *one = TENSOR(dtype, GR_SHAPE(1, 3), 0.3, 0.4, -0.7);
        EXPECT(gr_loss_info_nce(one, one, 0.07, GR_SUM), 0, 0);
        EXPECT(gr_loss_clip(one, one, 0.07, GR_SUM), 0, 0);
        EXPECT(slope(gr_loss_info_nce(one, one, 0.07, GR_SUM), one), 1e-6, 0, 0, 0);
    }
}

/* Rows that are zero, rows that are equal, and a temperature that sends exponents past 80. */
Test(metric, info_nce_extremes)
{
    for (gr_dtype dtype = GR_F32; dtype <= GR_F64; dtype++) {
        gr_tensor *zero = gr_full(dtype, GR_SHAPE(3, 2), 0),
                  *same = gr_full(dtype, GR_SHAPE(3, 2), 1);
        gr_tensor *x = TENSOR(dtype, GR_SHAPE(2, 2), 1, 0, 0, 1);
        gr_tensor *y = TENSOR(dtype, GR_SHAPE(2, 2), 0, 1, 1, 0);
        EXPECT(gr_loss_info_nce(zero, zero, 0.07, GR_NONE), 1e-6, log(3), log(3), log(3));
        EXPECT(gr_loss_clip(same, same, 0.07, GR_NONE), 1e-6, log(3), log(3), log(3));
        EXPECT(slope(gr_loss_clip(zero, zero, 0.07, GR_SUM), zero), 0, 0, 0, 0, 0, 0, 0);
        EXPECT(gr_loss_info_nce(x, x, 0.005, GR_NONE), 1e-30, 0, 0);
        EXPECT(gr_loss_info_nce(x, y, 0.005, GR_NONE), 1e-6, 200, 200);
        EXPECT(slope(gr_loss_clip(x, x, 0.005, GR_SUM), x), 1e-30, 0, 0, 0, 0);
    }
}

/* A temperature that is learned: d / d T is there, and a tensor counts as its number. */
Test(metric, temperature_as_a_tensor)
{
    gr_tensor *x = rows(a, GR_F64), *y = rows(b, GR_F64), *T = gr_full(GR_F64, GR_SCALAR, 0.2);
    double h = 1e-4, up = 0, down = 0;
    for (int n = 0; n < N; n++) {
        up += contrast(n, 0.2 + h, false, all);
        down += contrast(n, 0.2 - h, false, all);
    }
    EXPECT(gr_loss_info_nce(x, y, T, GR_SUM), 1e-14, gr_item(gr_loss_info_nce(x, y, 0.2, GR_SUM)));
    EXPECT(gr_loss_clip(x, y, T, GR_SUM), 1e-14, gr_item(gr_loss_clip(x, y, 0.2, GR_SUM)));
    EXPECT(slope(gr_loss_info_nce(x, y, T, GR_SUM), T), 1e-5, (up - down) / (2 * h));
}

/* A missing sample is no anchor and nobody's negative. */
Test(metric, info_nce_missing_rows)
{
    gr_tensor *x = with_hole(a), *y = with_hole(b);
    gr_tensor *mean = gr_loss_info_nce(x, y, 0.2, two_of_three());
    gr_tensor *both = gr_loss_clip(x, y, 0.2, two_of_three());

    EXPECT(mean, 1e-14, (contrast(0, 0.2, false, two) + contrast(2, 0.2, false, two)) / 2);
    EXPECT(both, 1e-14,
           (contrast(0, 0.2, false, two) + contrast(2, 0.2, false, two) +
            contrast(0, 0.2, true, two) + contrast(2, 0.2, true, two)) /
               4);
    EXPECT(row_1(slope(mean, x)), 0, 0, 0, 0, 0);
    EXPECT(row_1(slope(mean, y)), 0, 0, 0, 0, 0);
    EXPECT(row_1(slope(both, x)), 0, 0, 0, 0, 0);
    EXPECT(row_1(slope(both, y)), 0, 0, 0, 0, 0);
    both = gr_loss_clip(x, y, 0.2, none());
    EXPECT(both, 0, 0);
    EXPECT(gr_sum(gr_abs(slope(both, x)), GR_ALL_AXES, false), 0, 0);
    EXPECT(gr_loss_info_nce(x, y, 0.2, none()), 0, 0);
}

/* ---- derivatives ---- */

static gr_tensor *checked(gr_tensor *const *in, int n, void *context)
{
    (void)n;
    switch (*(int *)context) {
    case 0: return gr_loss_cosine_similarity(in[0], in[1], GR_MEAN);
    case 1: return gr_loss_cosine_embedding(in[0], in[1], signs(), 0.6, GR_MEAN);
    case 2: return gr_loss_triplet_margin(in[0], in[1], in[2], 1, 1e-3, GR_MEAN);
    case 3: return gr_loss_info_nce(in[0], in[1], in[2], GR_MEAN);
    case 4: return gr_loss_clip(in[0], in[1], in[2], GR_MEAN);
    default: return gr_loss_clip(in[0], in[1], 0.3, two_of_three());
    }
}

Test(metric, derivatives_of_order_1_and_2)
{
    gr_tensor *T = gr_full(GR_F64, GR_SCALAR, 0.4), *third[] = {T, T, rows(c, GR_F64), T, T, T};

    for (int k = 0; k < 6; k++) {
        gr_tensor *inputs[] = {rows(a, GR_F64), rows(b, GR_F64), third[k]};
        cr_assert(gr_gradcheck(checked, &k, inputs, k < 2 || k == 5 ? 2 : 3, 2), "%d: %s", k,
                  gr_error_message());
    }
}

/* ---- errors ---- */

Test(metric, angle_errors)
{
    gr_tensor *x = gr_full(GR_F32, GR_SHAPE(4, 3), 1), *t = gr_full(GR_F32, GR_SHAPE(4), 1);
    gr_tensor *number = gr_full(GR_F32, GR_SCALAR, 1), *integers = gr_full(GR_I64, GR_SHAPE(4), 1);

    EXPECT_ERROR(gr_loss_cosine_similarity(x, t, GR_MEAN),
                 "gr_loss_cosine_similarity: b: got (4), want (4,3) as a");
    EXPECT_ERROR(gr_loss_cosine_similarity(number, number, GR_MEAN),
                 "gr_loss_cosine_similarity: a: got (), want (*,D)");
    EXPECT_ERROR(gr_loss_cosine_similarity(NULL, x, GR_MEAN),
                 "gr_loss_cosine_similarity: a: got NULL, want a tensor");
    EXPECT_ERROR(gr_loss_cosine_embedding(x, gr_cast(x, GR_F64), t, 0, GR_MEAN),
                 "gr_loss_cosine_embedding: b: got f64, want f32 as a");
    EXPECT_ERROR(gr_loss_cosine_embedding(x, x, x, 0, GR_MEAN),
                 "gr_loss_cosine_embedding: target: got (4,3), want (4) since a is (4,3)");
    EXPECT_ERROR(gr_loss_cosine_embedding(x, x, integers, 0, GR_MEAN),
                 "gr_loss_cosine_embedding: target: got i64, want f32 as a");
    EXPECT_ERROR(gr_loss_cosine_embedding(x, x, t, 1.5, GR_MEAN),
                 "gr_loss_cosine_embedding: margin: got 1.5, want -1 to 1");
    EXPECT_SILENT(gr_loss_cosine_similarity(broken(), x, GR_MEAN));
    EXPECT_SILENT(gr_loss_cosine_embedding(x, x, broken(), 0, GR_MEAN));
}

Test(metric, triplet_errors)
{
    gr_tensor *x = gr_full(GR_F32, GR_SHAPE(4, 3), 1), *t = gr_full(GR_F32, GR_SHAPE(4), 1);

    EXPECT_ERROR(gr_loss_triplet_margin(x, t, x, 1, 0, GR_MEAN),
                 "gr_loss_triplet_margin: positive: got (4), want (4,3) as anchor");
    EXPECT_ERROR(gr_loss_triplet_margin(x, x, t, 1, 0, GR_MEAN),
                 "gr_loss_triplet_margin: negative: got (4), want (4,3) as anchor");
    EXPECT_ERROR(gr_loss_triplet_margin(x, x, x, -1, 0, GR_MEAN),
                 "gr_loss_triplet_margin: margin: got -1, want 0 or more and finite");
    EXPECT_ERROR(gr_loss_triplet_margin(x, x, x, 1, (double)NAN, GR_MEAN),
                 "gr_loss_triplet_margin: eps: got nan, want 0 or more and finite");
    EXPECT_SILENT(gr_loss_triplet_margin(x, broken(), x, 1, 0, GR_MEAN));
    EXPECT_SILENT(gr_loss_triplet_margin(x, x, broken(), 1, 0, GR_MEAN));
}

Test(metric, contrast_errors)
{
    gr_tensor *x = gr_full(GR_F32, GR_SHAPE(4, 3), 1), *t = gr_full(GR_F32, GR_SHAPE(4), 1);
    gr_tensor *wide = gr_full(GR_F64, GR_SCALAR, 1), *nothing = NULL;

    EXPECT_ERROR(gr_loss_info_nce(x, t, 0.1, GR_MEAN),
                 "gr_loss_info_nce: b: got (4), want (4,3) as a");
    EXPECT_ERROR(gr_loss_clip(t, t, 0.1, GR_MEAN), "gr_loss_clip: a: got (4), want (N,D)");
    EXPECT_ERROR(gr_loss_info_nce(x, x, 0, GR_MEAN),
                 "gr_loss_info_nce: temperature: got 0, want positive and finite");
    EXPECT_ERROR(gr_loss_clip(x, x, (double)NAN, GR_MEAN),
                 "gr_loss_clip: temperature: got nan, want positive and finite");
    EXPECT_ERROR(gr_loss_clip(x, x, t, GR_MEAN), "gr_loss_clip: temperature: got (4), want ()");
    EXPECT_ERROR(gr_loss_clip(x, x, wide, GR_MEAN),
                 "gr_loss_clip: temperature: got f64, want f32 as a");
    EXPECT_ERROR(gr_loss_info_nce(x, x, nothing, GR_MEAN),
                 "gr_loss_info_nce: temperature: got NULL, want a tensor");
    EXPECT_SILENT(gr_loss_info_nce(broken(), x, 0.1, GR_MEAN));
    EXPECT_SILENT(gr_loss_clip(x, x, broken(), GR_MEAN));
}
