/* Divergences between distributions over C classes: KL(t to p) = sum_c t_c (log t_c - log p_c). */
#include "tests/losses/expect.h"

TestSuite(distributions, .init = quiet);

enum { C = 3, N = 2 };
static const double z[N][C] = {{2.385, -0.771, 0.418}, {0.113, 1.107, -2.121}};
static const double s[N][C] = {{0.902, 1.264, -0.346}, {-1.917, 0.422, 0.281}};
static const double labels[N] = {2, 0};

static gr_tensor *logits(void)
{
    return gr_from_data(GR_F64, GR_SHAPE(N, C), z);
}

static gr_tensor *target_logits(void)
{
    return gr_from_data(GR_F64, GR_SHAPE(N, C), s);
}

static gr_tensor *class_labels(void)
{
    return tensor_of(GR_I64, GR_SHAPE(N), labels);
}

/* log softmax(x / T)_c */
static double log_prob(const double *x, int c, double T)
{
    double sum = 0;
    for (int k = 0; k < C; k++) {
        sum += exp(x[k] / T);
    }
    return x[c] / T - log(sum);
}

static double divergence(int n, double T)
{
    double sum = 0;
    for (int c = 0; c < C; c++) {
        double lt = log_prob(s[n], c, T);
        sum += exp(lt) * (lt - log_prob(z[n], c, T));
    }
    return sum;
}

static gr_tensor *log_p(void)
{
    return gr_log_softmax(logits(), GR_AXES(1));
}

/* All three forms; PyTorch's and optax' example of a coin and a fair coin, by hand. */
Test(distributions, kl_values_and_reductions)
{
    double v[] = {divergence(0, 1), divergence(1, 1)};
    gr_tensor *q = log_p(), *t = gr_softmax(target_logits(), GR_AXES(1));
    gr_reduction how = gr_weighted(GR_MEAN, TENSOR(GR_F64, GR_SHAPE(2), 0.7, 1.9));

    EXPECT_ARRAY(gr_loss_kl_div(q, t, GR_NONE), 1e-15, v);
    EXPECT_SHAPE(gr_loss_kl_div(q, t, GR_NONE), GR_SHAPE(N));
    EXPECT_ARRAY(gr_loss_kl_div_log(q, gr_log(t), GR_NONE), 1e-15, v);
    EXPECT_ARRAY(gr_loss_kl_div_logits(logits(), target_logits(), GR_NONE), 1e-15, v);
    EXPECT(gr_loss_kl_div(q, t, GR_SUM), 1e-15, v[0] + v[1]);
    EXPECT(gr_loss_kl_div(q, t, GR_MEAN), 1e-15, (v[0] + v[1]) / 2);
    EXPECT(gr_loss_kl_div(q, t, GR_BATCH_MEAN), 1e-15, (v[0] + v[1]) / 2);
    EXPECT(gr_loss_kl_div(q, t, how), 1e-15, (0.7 * v[0] + 1.9 * v[1]) / 2.6);

    gr_tensor *fair = gr_log(TENSOR(GR_F64, GR_SHAPE(1, 2), 0.5, 0.5));
    gr_tensor *coin = TENSOR(GR_F64, GR_SHAPE(1, 2), 0.25, 0.75);
    EXPECT(gr_loss_kl_div(fair, coin, GR_SUM), 1e-15, 0.75 * log(3) - log(2));
    EXPECT(gr_loss_kl_div(gr_log(coin), gr_exp(fair), GR_SUM), 1e-15, log(2) - 0.5 * log(3));
}

/* Classes lie along axis 1: (1, C, N) has the same numbers. */
Test(distributions, kl_class_axis)
{
    gr_tensor *x = gr_unsqueeze(gr_transpose(logits(), 0, 1), 0);
    gr_tensor *t = gr_unsqueeze(gr_transpose(target_logits(), 0, 1), 0);

    EXPECT(gr_loss_kl_div_logits(x, t, GR_NONE), 1e-15, divergence(0, 1), divergence(1, 1));
    EXPECT_SHAPE(gr_loss_kl_div_logits(x, t, GR_NONE), GR_SHAPE(1, N));
    EXPECT(gr_loss_kl_div(gr_log_softmax(x, GR_AXES(1)), gr_softmax(t, GR_AXES(1)), GR_NONE), 1e-15,
           divergence(0, 1), divergence(1, 1));
}

/* d / d q = -t,   d / d t = log t + 1 - q;   from logits softmax(z) - t. */
Test(distributions, kl_gradients)
{
    gr_tensor *q = log_p(), *t = gr_softmax(target_logits(), GR_AXES(1)), *x = logits();
    gr_tensor *sum = gr_loss_kl_div(q, t, GR_SUM);
    double for_q[N * C], for_t[N * C], for_z[N * C];
    for (int i = 0; i < N * C; i++) {
        double lt = log_prob(s[i / C], i % C, 1), lp = log_prob(z[i / C], i % C, 1);
        for_q[i] = -exp(lt);
        for_t[i] = lt + 1 - lp;
        for_z[i] = exp(lp) - exp(lt);
    }
    EXPECT_ARRAY(slope(sum, q), 1e-15, for_q);
    EXPECT_ARRAY(slope(sum, t), 1e-14, for_t);
    EXPECT_ARRAY(slope(gr_loss_kl_div_logits(x, target_logits(), GR_SUM), x), 1e-15, for_z);
}

/* 0 log 0 = 0, with finite slopes; what p excludes costs nothing where t is 0, else infinity. */
Test(distributions, kl_zero_targets)
{
    double inf = INFINITY;
    for (gr_dtype dtype = GR_F32; dtype <= GR_F64; dtype++) {
        gr_tensor *q = TENSOR(dtype, GR_SHAPE(1, 3), log(0.25), log(0.75), -inf);
        gr_tensor *t = TENSOR(dtype, GR_SHAPE(1, 3), 0, 1, 0);
        gr_tensor *lt = TENSOR(dtype, GR_SHAPE(1, 3), -inf, 0, -inf);
        gr_tensor *sum = gr_loss_kl_div(q, t, GR_SUM), *same = gr_loss_kl_div_log(q, lt, GR_SUM);
        EXPECT(sum, 1e-6, -log(0.75));
        EXPECT(same, 1e-6, -log(0.75));
        EXPECT(slope(sum, q), 0, 0, -1, 0);
        EXPECT(slope(same, q), 0, 0, -1, 0);
        EXPECT(slope(sum, t), 1e-6, -log(0.25), 1 - log(0.75), 0);
        EXPECT(slope(same, lt), 1e-6, 0, 1 - log(0.75), 0);
        EXPECT(gr_loss_kl_div(q, TENSOR(dtype, GR_SHAPE(1, 3), 0.5, 0, 0.5), GR_SUM), 0, inf);
    }
}

/* Of a distribution from itself: 0, at a minimum. */
Test(distributions, kl_perfect_fit)
{
    gr_tensor *x = logits(), *sum = gr_loss_kl_div_logits(x, logits(), GR_SUM);

    EXPECT(sum, 0, 0);
    EXPECT(slope(sum, x), 1e-15, 0, 0, 0, 0, 0, 0);
}

Test(distributions, kl_extreme_logits)
{
    for (gr_dtype dtype = GR_F32; dtype <= GR_F64; dtype++) {
        gr_tensor *x = TENSOR(dtype, GR_SHAPE(2, 2), 80, -80, 1000, -1000);
        gr_tensor *t = TENSOR(dtype, GR_SHAPE(2, 2), -80, 80, 1000, -1000);
        EXPECT(gr_loss_kl_div_logits(x, t, GR_NONE), 1e-15, 160, 0);
        EXPECT(slope(gr_loss_kl_div_logits(x, t, GR_SUM), x), 1e-15, 1, -1, 0, 0);
        EXPECT(slope(gr_loss_kl_div_logits(x, t, GR_SUM), t), 1e-15, 0, 0, 0, 0);
    }
    gr_tensor *x = TENSOR(GR_F64, GR_SHAPE(1, 3), 0, 1, -(double)INFINITY);
    gr_tensor *sum = gr_loss_kl_div_logits(x, gr_add(x, 2), GR_SUM);
    EXPECT(sum, 1e-15, 0);
    EXPECT(slope(sum, x), 1e-15, 0, 0, 0);
}

Test(distributions, kl_missing_targets)
{
    gr_tensor *x = TENSOR(GR_F64, GR_SHAPE(N, C), z[0][0], z[0][1], z[0][2], NAN, 1, 2);
    gr_tensor *t = TENSOR(GR_F64, GR_SHAPE(N, C), s[0][0], s[0][1], s[0][2], 1, NAN, 2);
    gr_reduction how = gr_masked(GR_MEAN, TENSOR(GR_I64, GR_SHAPE(N), 1, 0));
    gr_reduction none = gr_masked(GR_MEAN, gr_full(GR_I64, GR_SHAPE(N), 0));
    gr_tensor *q = gr_log_softmax(x, GR_AXES(1)), *p = gr_softmax(t, GR_AXES(1));
    gr_tensor *means[] = {gr_loss_kl_div_logits(x, t, how), gr_loss_kl_div(q, p, how),
                          gr_loss_kl_div_log(q, gr_log(p), how)};

    for (int k = 0; k < 3; k++) {
        EXPECT(means[k], 1e-15, divergence(0, 1));
    }
    EXPECT(gr_slice(slope(means[0], x), 0, 1, 2), 0, 0, 0, 0);
    EXPECT(gr_slice(slope(means[1], q), 0, 1, 2), 0, 0, 0, 0);
    EXPECT(gr_slice(slope(means[2], q), 0, 1, 2), 0, 0, 0, 0);
    EXPECT(gr_loss_kl_div(q, p, none), 0, 0);
    EXPECT(slope(gr_loss_kl_div_logits(x, t, none), t), 0, 0, 0, 0, 0, 0, 0);
}

/* ---- distillation: alpha T^2 KL(softmax(teacher / T) to softmax(student / T)) + (1 - alpha) CE */

static double distilled(int n, double T, double alpha)
{
    return alpha * T * T * divergence(n, T) - (1 - alpha) * log_prob(z[n], (int)labels[n], 1);
}

Test(distributions, distillation_values_and_gradients)
{
    const double T = 4, alpha = 0.7;
    gr_tensor *x = logits(), *teacher = target_logits(), *t = class_labels();
    gr_tensor *sum = gr_loss_distillation(x, teacher, t, T, alpha, GR_SUM);
    double v[] = {distilled(0, T, alpha), distilled(1, T, alpha)}, want[N * C];
    for (int i = 0; i < N * C; i++) {
        int n = i / C, c = i % C;
        double soft = exp(log_prob(z[n], c, T)) - exp(log_prob(s[n], c, T));
        want[i] = alpha * T * soft + (1 - alpha) * (exp(log_prob(z[n], c, 1)) - (c == labels[n]));
    }
    EXPECT_ARRAY(gr_loss_distillation(x, teacher, t, T, alpha, GR_NONE), 1e-14, v);
    EXPECT_SHAPE(gr_loss_distillation(x, teacher, t, T, alpha, GR_NONE), GR_SHAPE(N));
    EXPECT(gr_loss_distillation(x, teacher, t, T, alpha, GR_MEAN), 1e-14, (v[0] + v[1]) / 2);
    EXPECT_ARRAY(slope(sum, x), 1e-15, want);
    EXPECT(slope(sum, teacher), 0, 0, 0, 0, 0, 0, 0);
}

Test(distributions, distillation_ends)
{
    gr_tensor *x = logits(), *t = class_labels();
    gr_tensor *hard = gr_loss_distillation(x, target_logits(), t, 3, 0, GR_NONE);
    gr_tensor *copy = gr_loss_distillation(x, logits(), t, 3, 1, GR_SUM);

    EXPECT(gr_sub(hard, gr_loss_cross_entropy(x, t, GR_NONE)), 1e-15, 0, 0);
    EXPECT(copy, 0, 0);
    EXPECT(slope(copy, x), 1e-15, 0, 0, 0, 0, 0, 0);
    for (gr_dtype dtype = GR_F32; dtype <= GR_F64; dtype++) {
        gr_tensor *far = TENSOR(dtype, GR_SHAPE(1, 2), 80, -80);
        gr_tensor *away = TENSOR(dtype, GR_SHAPE(1, 2), -80, 80),
                  *one = gr_full(GR_I64, GR_SHAPE(1), 1);
        EXPECT(gr_loss_distillation(far, away, one, 1, 0.5, GR_SUM), 1e-6, 160);
        EXPECT(slope(gr_loss_distillation(far, away, one, 1, 0.5, GR_SUM), far), 1e-6, 1, -1);
    }
}

Test(distributions, distillation_missing_labels)
{
    gr_tensor *x = TENSOR(GR_F64, GR_SHAPE(N, C), z[0][0], z[0][1], z[0][2], NAN, 1, 2);
    gr_tensor *teacher = TENSOR(GR_F64, GR_SHAPE(N, C), s[0][0], s[0][1], s[0][2], 1, NAN, 2);
    gr_tensor *t = TENSOR(GR_I64, GR_SHAPE(N), labels[0], -100);
    gr_reduction how = gr_masked(GR_MEAN, gr_not_equal(t, -100));
    gr_tensor *mean = gr_loss_distillation(x, teacher, t, 2, 0.4, how);

    EXPECT(mean, 1e-15, distilled(0, 2, 0.4));
    EXPECT(gr_slice(slope(mean, x), 0, 1, 2), 0, 0, 0, 0);
    mean = gr_loss_distillation(x, teacher, t, 2, 0.4,
                                gr_masked(GR_MEAN, gr_full(GR_I64, GR_SHAPE(N), 0)));
    EXPECT(mean, 0, 0);
    EXPECT(slope(mean, x), 0, 0, 0, 0, 0, 0, 0);
}

/* ---- derivatives ---- */

static gr_tensor *checked_kl(gr_tensor *const *inputs, int n, void *context)
{
    (void)n;
    (void)context;
    return gr_loss_kl_div(inputs[0], inputs[1], GR_MEAN);
}

static gr_tensor *checked_kl_log(gr_tensor *const *inputs, int n, void *context)
{
    (void)n;
    (void)context;
    return gr_loss_kl_div_log(inputs[0], inputs[1], GR_MEAN);
}

static gr_tensor *checked_kl_logits(gr_tensor *const *inputs, int n, void *context)
{
    (void)n;
    (void)context;
    return gr_loss_kl_div_logits(inputs[0], inputs[1], GR_MEAN);
}

static gr_tensor *checked_distillation(gr_tensor *const *inputs, int n, void *context)
{
    (void)n;
    return gr_loss_distillation(inputs[0], target_logits(), context, 2.5, 0.7, GR_MEAN);
}

Test(distributions, derivatives_of_order_1_and_2)
{
    gr_tensor *x = logits(), *t = target_logits();
    gr_tensor *y = TENSOR(GR_F64, GR_SHAPE(N, C), 0.2, 0.5, 0.3, 0.35, 0.4, 0.25);
    gr_tensor *plain[] = {x, y}, *both[] = {x, t};

    cr_assert(gr_gradcheck(checked_kl, NULL, plain, 2, 2), "%s", gr_error_message());
    cr_assert(gr_gradcheck(checked_kl_log, NULL, both, 2, 2), "%s", gr_error_message());
    cr_assert(gr_gradcheck(checked_kl_logits, NULL, both, 2, 2), "%s", gr_error_message());
    cr_assert(gr_gradcheck(checked_distillation, class_labels(), both, 1, 2), "%s",
              gr_error_message());
}

/* ---- errors ---- */

Test(distributions, kl_errors)
{
    gr_tensor *x = gr_full(GR_F32, GR_SHAPE(4, 3), 1), *flat = gr_full(GR_F32, GR_SHAPE(4), 1);
    gr_tensor *wide = gr_cast(x, GR_F64);

    EXPECT_ERROR(gr_loss_kl_div(x, flat, GR_MEAN),
                 "gr_loss_kl_div: target: got (4), want (4,3) as log_p");
    EXPECT_ERROR(gr_loss_kl_div(flat, flat, GR_MEAN),
                 "gr_loss_kl_div: log_p: got (4), want (N,C,*)");
    EXPECT_ERROR(gr_loss_kl_div_log(x, wide, GR_MEAN),
                 "gr_loss_kl_div_log: log_target: got f64, want f32 as log_p");
    EXPECT_ERROR(gr_loss_kl_div_log(flat, flat, GR_MEAN),
                 "gr_loss_kl_div_log: log_p: got (4), want (N,C,*)");
    EXPECT_ERROR(gr_loss_kl_div_logits(x, NULL, GR_MEAN),
                 "gr_loss_kl_div_logits: target_logits: got NULL, want a tensor");
    EXPECT_ERROR(gr_loss_kl_div_logits(flat, flat, GR_MEAN),
                 "gr_loss_kl_div_logits: logits: got (4), want (N,C,*)");
    EXPECT_SILENT(gr_loss_kl_div(broken(), x, GR_MEAN));
    EXPECT_SILENT(gr_loss_kl_div_log(x, broken(), GR_MEAN));
    EXPECT_SILENT(gr_loss_kl_div_logits(broken(), x, GR_MEAN));
}

Test(distributions, distillation_errors)
{
    gr_tensor *x = gr_full(GR_F32, GR_SHAPE(4, 3), 1), *t = gr_full(GR_I64, GR_SHAPE(4), 1);
    gr_tensor *flat = gr_full(GR_F32, GR_SHAPE(4), 1);
    int64_t wrong[] = {3, 0, 1, 2};

    EXPECT_ERROR(gr_loss_distillation(x, flat, t, 4, 0.5, GR_MEAN),
                 "gr_loss_distillation: teacher: got (4), want (4,3) as student");
    EXPECT_ERROR(gr_loss_distillation(flat, flat, t, 4, 0.5, GR_MEAN),
                 "gr_loss_distillation: student: got (4), want (N,C,*)");
    EXPECT_ERROR(gr_loss_distillation(x, x, flat, 4, 0.5, GR_MEAN),
                 "gr_loss_distillation: labels: got f32, want i64; "
                 "gr_loss_cross_entropy_dense takes distributions");
    EXPECT_ERROR(gr_loss_distillation(x, x, gr_full(GR_I64, GR_SHAPE(3), 1), 4, 0.5, GR_MEAN),
                 "gr_loss_distillation: labels: got (3), want (4) since student is (4,3)");
    EXPECT_ERROR(gr_loss_distillation(x, x, gr_from_i64(GR_SHAPE(4), wrong), 4, 0.5, GR_MEAN),
                 "gr_loss_distillation: labels: got 3 at (0), want 0 to 2");
    EXPECT_ERROR(gr_loss_distillation(x, x, t, 0, 0.5, GR_MEAN),
                 "gr_loss_distillation: temperature: got 0, want positive and finite");
    EXPECT_ERROR(gr_loss_distillation(x, x, t, 4, 1.5, GR_MEAN),
                 "gr_loss_distillation: alpha: got 1.5, want 0 to 1");
    EXPECT_SILENT(gr_loss_distillation(x, broken(), t, 4, 0.5, GR_MEAN));
    EXPECT_SILENT(gr_loss_distillation(x, x, broken(), 4, 0.5, GR_MEAN));
}
