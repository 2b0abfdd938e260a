/* Initial values: standard deviations from the fans of a shape (out, in, *). */
#include "tests/losses/expect.h"

static gr_rng *rng;

static void begin(void)
{
    quiet();
    rng = gr_rng_new(31415);
}

static void end(void)
{
    gr_rng_free(rng);
}

TestSuite(init, .init = begin, .fini = end);

/* (out, in, *) = (48, 96, 3, 5): fan in 1440, fan out 720, 69,120 elements. */
static const double in = 96 * 3 * 5, out = 48 * 3 * 5;

typedef gr_tensor *initializer(gr_rng *rng, gr_shape shape, double gain);

typedef struct moments {
    double mean, std, kurtosis, largest;
} moments;

static moments measure(initializer *function, gr_shape shape, double gain)
{
    gr_tensor *t = function(rng, shape, gain);
    const float *x = gr_data_f32(t);
    double n = (double)gr_count(t), sum = 0, square = 0, fourth = 0, largest = 0;

    cr_assert(x, "%s", gr_error_message());
    EXPECT_SHAPE(t, shape);
    for (int64_t i = 0; i < gr_count(t); i++) {
        double v = (double)x[i];
        sum += v;
        square += v * v;
        fourth += v * v * v * v;
        largest = fmax(largest, fabs(v));
    }
    return (moments){sum / n, sqrt(square / n), fourth * n / (square * square), largest};
}

/* Mean and standard deviation to 4 standard errors of a normal distribution (1.1 %); the fourth
 * moment over the squared second is 9/5 for a uniform one and 3 for a normal one. */
static void expect_distribution(initializer *function, gr_shape shape, double gain, double std,
                                double kurtosis)
{
    moments m = measure(function, shape, gain);

    cr_assert(fabs(m.mean) < 4 * std / sqrt(69120), "mean %g", m.mean);
    cr_assert(fabs(m.std / std - 1) < 0.012, "std %g, want %g", m.std, std);
    cr_assert(fabs(m.kurtosis - kurtosis) < 0.12, "kurtosis %g, want %g", m.kurtosis, kurtosis);
    if (kurtosis < 2) {
        cr_assert(m.largest <= sqrt(3) * std * (1 + 1e-7) && m.largest > 0.999 * sqrt(3) * std);
    }
}

static const double uniform = 1.8, normal = 3;

/* std = gain sqrt(2 / (in + out)) */
Test(init, xavier)
{
    gr_shape shape = GR_SHAPE(48, 96, 3, 5);
    double std = sqrt(2 / (in + out));

    expect_distribution(gr_init_xavier_uniform, shape, 1, std, uniform);
    expect_distribution(gr_init_xavier_normal, shape, 1, std, normal);
    expect_distribution(gr_init_xavier_uniform, shape, 5.0 / 3, std * 5 / 3, uniform);
}

/* std = gain / sqrt(in) */
Test(init, kaiming)
{
    gr_shape shape = GR_SHAPE(48, 96, 3, 5);
    double std = sqrt(2) / sqrt(in);

    expect_distribution(gr_init_kaiming_uniform, shape, sqrt(2), std, uniform);
    expect_distribution(gr_init_kaiming_normal, shape, sqrt(2), std, normal);
}

/* Which axis is which: (out, in) = (1152, 60) has fan in 60. */
Test(init, matrices)
{
    gr_shape shape = GR_SHAPE(1152, 60);

    expect_distribution(gr_init_kaiming_normal, shape, 1, 1 / sqrt(60), normal);
    expect_distribution(gr_init_xavier_uniform, shape, 1, sqrt(2 / (60.0 + 1152)), uniform);
}

Test(init, default_dtype_and_empty_shapes)
{
    gr_set_default_dtype(GR_F64);
    cr_assert_eq(gr_dtype_of(gr_init_xavier_normal(rng, GR_SHAPE(3, 2), 1)), GR_F64);
    EXPECT_SHAPE(gr_init_kaiming_uniform(rng, GR_SHAPE(3, 0), 1), GR_SHAPE(3, 0));
    EXPECT_SHAPE(gr_init_xavier_uniform(rng, GR_SHAPE(0, 0, 2), 1), GR_SHAPE(0, 0, 2));
    cr_assert(gr_ok(), "%s", gr_error_message());
}

Test(init, errors)
{
    EXPECT_ERROR(gr_init_xavier_uniform(rng, GR_SHAPE(5), 1),
                 "gr_init_xavier_uniform: shape: got rank 1, want 2 or more: (out,in,*)");
    EXPECT_ERROR(gr_init_xavier_normal(rng, GR_SCALAR, 1),
                 "gr_init_xavier_normal: shape: got rank 0, want 2 or more: (out,in,*)");
    EXPECT_ERROR(gr_init_kaiming_uniform(rng, GR_SHAPE(5, 2), 0),
                 "gr_init_kaiming_uniform: gain: got 0, want positive and finite");
    EXPECT_ERROR(gr_init_kaiming_normal(rng, GR_SHAPE(5, 2), (double)NAN),
                 "gr_init_kaiming_normal: gain: got nan, want positive and finite");
}
