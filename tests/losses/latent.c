/* Losses of latent variables: KL(N(mu, e^s) to N(0, 1)) = sum_k (e^s_k + mu_k^2 - 1 - s_k) / 2. */
#include "tests/losses/expect.h"

TestSuite(latent, .init = quiet);

enum { N = 3, K = 2 };
static const double mu[N][K] = {{0.385, -0.771}, {1.418, 0.093}, {-1.264, 2.902}};
static const double s[N][K] = {{-0.213, 0.874}, {1.331, -2.195}, {0.058, -0.667}};

static gr_tensor *mean(void)
{
    return gr_from_data(GR_F64, GR_SHAPE(N, K), mu);
}

static gr_tensor *logvar(void)
{
    return gr_from_data(GR_F64, GR_SHAPE(N, K), s);
}

static double value(int n)
{
    double sum = 0;
    for (int k = 0; k < K; k++) {
        sum += (exp(s[n][k]) + mu[n][k] * mu[n][k] - 1 - s[n][k]) / 2;
    }
    return sum;
}

Test(latent, values_and_reductions)
{
    double v[] = {value(0), value(1), value(2)}, sum = v[0] + v[1] + v[2];
    gr_reduction how = gr_weighted(GR_MEAN, TENSOR(GR_F64, GR_SHAPE(N), 0.7, 1.9, 0.35));

    EXPECT_ARRAY(gr_loss_kl_normal(mean(), logvar(), GR_NONE), 1e-15, v);
    EXPECT_SHAPE(gr_loss_kl_normal(mean(), logvar(), GR_NONE), GR_SHAPE(N));
    EXPECT(gr_loss_kl_normal(mean(), logvar(), GR_SUM), 1e-15, sum);
    EXPECT(gr_loss_kl_normal(mean(), logvar(), GR_MEAN), 1e-15, sum / 3);
    EXPECT(gr_loss_kl_normal(mean(), logvar(), GR_BATCH_MEAN), 1e-15, sum / 3);
    EXPECT(gr_loss_kl_normal(mean(), logvar(), how), 1e-15,
           (0.7 * v[0] + 1.9 * v[1] + 0.35 * v[2]) / (0.7 + 1.9 + 0.35));
}

/* d / d mu = mu,   d / d s = (e^s - 1) / 2 */
Test(latent, gradients)
{
    gr_tensor *m = mean(), *l = logvar(), *sum = gr_loss_kl_normal(m, l, GR_SUM);
    double want[N * K];
    for (int i = 0; i < N * K; i++) {
        want[i] = (exp(s[i / K][i % K]) - 1) / 2;
    }
    EXPECT_ARRAY(slope(sum, l), 1e-15, want);
    expect_numbers(slope(sum, m), N * K, &mu[0][0], 1e-15, __LINE__);
}

Test(latent, masked_samples)
{
    double holes[N][K];
    memcpy(holes, mu, sizeof mu);
    holes[1][0] = NAN;
    gr_tensor *m = gr_from_data(GR_F64, GR_SHAPE(N, K), holes), *l = logvar();
    gr_reduction how = gr_masked(GR_MEAN, TENSOR(GR_I64, GR_SHAPE(N), 1, 0, 1));
    gr_tensor *loss = gr_loss_kl_normal(m, l, how);

    EXPECT(loss, 1e-15, (value(0) + value(2)) / 2);
    EXPECT(slope(loss, m), 1e-15, mu[0][0] / 2, mu[0][1] / 2, 0, 0, mu[2][0] / 2, mu[2][1] / 2);
    gr_tensor *none = gr_loss_kl_normal(m, l, gr_masked(GR_MEAN, gr_full(GR_F64, GR_SHAPE(N), 0)));
    EXPECT(none, 0, 0);
    EXPECT(slope(none, m), 0, 0, 0, 0, 0, 0, 0);
}

/* Near 0 the part of s is s^2 / 4; e^s - 1 - s in f32 would be off by 1e-7. */
Test(latent, small_log_variances)
{
    gr_tensor *zero = gr_full(GR_F32, GR_SHAPE(2, 1), 0);
    gr_tensor *small = TENSOR(GR_F32, GR_SHAPE(2, 1), 1e-4, -3e-5);
    gr_tensor *v = gr_loss_kl_normal(zero, small, GR_NONE);

    EXPECT(v, 1e-11, 2.5e-9, 2.25e-10);
    EXPECT(gr_loss_kl_normal(zero, zero, GR_NONE), 0, 0, 0);
}

Test(latent, extreme_log_variances)
{
    gr_tensor *zero = gr_full(GR_F64, GR_SHAPE(4, 1), 0);
    gr_tensor *l = TENSOR(GR_F64, GR_SHAPE(4, 1), -1000, -80, 80, 1000);

    EXPECT(gr_loss_kl_normal(zero, l, GR_NONE), 1e-14, 499.5, 39.5, (exp(80) - 81) / 2,
           (double)INFINITY);
    EXPECT(slope(gr_loss_kl_normal(zero, l, GR_SUM), l), 1e-14, -0.5, -0.5, exp(80) / 2,
           (double)INFINITY);
}

static gr_tensor *checked(gr_tensor *const *inputs, int n, void *context)
{
    (void)n;
    (void)context;
    return gr_loss_kl_normal(inputs[0], inputs[1], GR_MEAN);
}

Test(latent, derivatives_of_order_1_and_2)
{
    gr_tensor *inputs[] = {mean(), logvar()};

    cr_assert(gr_gradcheck(checked, NULL, inputs, 2, 2), "%s", gr_error_message());
}

Test(latent, errors)
{
    gr_tensor *m = mean(), *flat = gr_full(GR_F64, GR_SHAPE(4), 1);

    EXPECT_ERROR(gr_loss_kl_normal(m, gr_transpose(m, 0, 1), GR_MEAN),
                 "gr_loss_kl_normal: logvar: got (2,3), want (3,2) as mean");
    EXPECT_ERROR(gr_loss_kl_normal(flat, flat, GR_MEAN),
                 "gr_loss_kl_normal: mean: got (4), want (N,K)");
    EXPECT_ERROR(gr_loss_kl_normal(m, gr_cast(m, GR_F32), GR_MEAN),
                 "gr_loss_kl_normal: logvar: got f32, want f64 as mean");
    EXPECT_ERROR(gr_loss_kl_normal(m, m, gr_masked(GR_MEAN, m)),
                 "gr_reduce: mask: got (3,2), want (3) or its leading axes");
    EXPECT_SILENT(gr_loss_kl_normal(broken(), m, GR_MEAN));
    EXPECT_SILENT(gr_loss_kl_normal(m, broken(), GR_MEAN));
}
