/* gr_linear: y = x W^T + b. */
#include "tests/layers/help.h"

TestSuite(linear, .init = begin, .fini = end);

/* A layer from 3 to 2 with weights of our own. */
static gr_linear known(void)
{
    gr_set_default_dtype(GR_F64);
    gr_linear layer = gr_linear_new(params, "known", 3, 2, rng);
    gr_assign(layer.weight, TENSOR(GR_F64, GR_SHAPE(2, 3), 0.7, -1.9, 0.35, 2.6, 1.15, -0.45));
    gr_assign(layer.bias, TENSOR(GR_F64, GR_SHAPE(2), 0.125, -0.75));
    return layer;
}

static const double x[4][3] = {
    {2.385, -0.771, 0.418}, {5.093, -1.264, 3.902}, {0.113, 0.107, 0.121}, {-3.19, -2.77, -9.4}};

static void outputs(double y[4][2])
{
    for (int n = 0; n < 4; n++) {
        y[n][0] = 0.7 * x[n][0] - 1.9 * x[n][1] + 0.35 * x[n][2] + 0.125;
        y[n][1] = 2.6 * x[n][0] + 1.15 * x[n][1] - 0.45 * x[n][2] - 0.75;
    }
}

Test(linear, computes_x_times_weight_transposed_plus_bias)
{
    gr_linear layer = known();
    gr_shape in[] = {GR_SHAPE(4, 3), GR_SHAPE(2, 2, 3), GR_SHAPE(1, 4, 1, 3)};
    gr_shape out[] = {GR_SHAPE(4, 2), GR_SHAPE(2, 2, 2), GR_SHAPE(1, 4, 1, 2)};
    double y[4][2];
    outputs(y);

    for (int i = 0; i < 3; i++) {
        gr_tensor *result = gr_linear_apply(&layer, gr_from_data(GR_F64, in[i], x));
        EXPECT_SHAPE(result, out[i]);
        expect_numbers(result, 8, &y[0][0], 1e-14, __LINE__);
    }
    gr_tensor *row = gr_linear_apply(&layer, gr_from_data(GR_F64, GR_SHAPE(3), x[1]));
    EXPECT_SHAPE(row, GR_SHAPE(2));
    EXPECT(row, 1e-14, y[1][0], y[1][1]);
    EXPECT_SHAPE(gr_linear_apply(&layer, gr_zeros(GR_SHAPE(0, 3))), GR_SHAPE(0, 2));
    EXPECT_SHAPE(gr_linear_apply(&layer, gr_zeros(GR_SHAPE(5, 0, 3))), GR_SHAPE(5, 0, 2));
}

/* A view as input: the transpose of (3, 4). */
Test(linear, takes_views)
{
    gr_linear layer = known();
    double turned[3][4], y[4][2];
    outputs(y);
    for (int i = 0; i < 12; i++) {
        turned[i / 4][i % 4] = x[i % 4][i / 4];
    }
    gr_tensor *view = gr_transpose(gr_from_data(GR_F64, GR_SHAPE(3, 4), turned), 0, 1);
    expect_numbers(gr_linear_apply(&layer, view), 8, &y[0][0], 1e-14, __LINE__);
}

/* Without inputs there is the bias. */
Test(linear, no_inputs)
{
    gr_linear layer = {gr_zeros(GR_SHAPE(2, 0)), TENSOR(GR_F32, GR_SHAPE(2), 0.125, -0.75)};

    EXPECT(gr_linear_apply(&layer, gr_zeros(GR_SHAPE(0))), 0, 0.125, -0.75);
    EXPECT(gr_linear_apply(&layer, gr_zeros(GR_SHAPE(2, 1, 0))), 0, 0.125, -0.75, 0.125, -0.75);
}

static gr_tensor *checked(gr_tensor *const *inputs, int n, void *context)
{
    gr_linear layer = {inputs[1], inputs[2]};

    (void)n;
    (void)context;
    return gr_square(gr_linear_apply(&layer, inputs[0]));
}

/* Ordinary tensors may stand for the cells. */
Test(linear, derivatives_of_order_1_and_2)
{
    gr_linear layer = known();
    gr_shape shapes[] = {GR_SHAPE(4, 3), GR_SHAPE(2, 2, 3), GR_SHAPE(3)};

    for (int i = 0; i < 3; i++) {
        gr_tensor *inputs[] = {gr_from_data(GR_F64, shapes[i], x), gr_mul(layer.weight, 1),
                               gr_mul(layer.bias, 1)};
        cr_assert(gr_gradcheck(checked, NULL, inputs, 3, 2), "%s", gr_error_message());
    }
}

Test(linear, cells_are_named_after_the_layer)
{
    gr_linear layer = gr_linear_new(params, "hidden", 3, 5, rng);

    cr_assert_eq(gr_params_count(params), 2);
    cr_assert_eq(gr_params_find(params, "hidden.weight"), layer.weight);
    cr_assert_eq(gr_params_find(params, "hidden.bias"), layer.bias);
    cr_assert_str_eq(gr_params_name(params, 0), "hidden.weight");
    EXPECT_SHAPE(layer.weight, GR_SHAPE(5, 3));
    EXPECT_SHAPE(layer.bias, GR_SHAPE(5));
    cr_assert(gr_is_trained(layer.weight) && gr_is_trained(layer.bias));
    cr_assert_eq(gr_dtype_of(layer.weight), GR_F32);
}

/* In a group of the user's the layer's name follows the group's. */
Test(linear, in_a_group)
{
    gr_linear layer = gr_linear_new(gr_params_group(params, "critic"), "out", 3, 1, rng);

    cr_assert_eq(gr_params_find(params, "critic.out.weight"), layer.weight);
}

/* Uniform in +-1/sqrt(in): bounds, mean 0, standard deviation bound / sqrt(3). */
Test(linear, initial_values)
{
    gr_linear layer = gr_linear_new(params, "wide", 400, 300, rng);
    gr_tensor *cells[] = {layer.weight, layer.bias};

    for (int k = 0; k < 2; k++) {
        const float *w = gr_data_f32(cells[k]);
        int64_t n = gr_count(cells[k]);
        double sum = 0, squares = 0, largest = 0;
        for (int64_t i = 0; i < n; i++) {
            sum += (double)w[i];
            squares += (double)w[i] * (double)w[i];
            largest = fmax(largest, fabs((double)w[i]));
        }
        double std = 0.05 / sqrt(3), error = std / sqrt((double)n);
        cr_assert(largest <= 0.05 && largest > 0.049);
        cr_assert(fabs(sum / (double)n) < 4 * error, "mean %g", sum / (double)n);
        cr_assert(fabs(squares / (double)n / (std * std) - 1) < 4 / sqrt((double)n));
    }
}

Test(linear, seeds_decide)
{
    gr_rng *same = gr_rng_new(20240917), *other = gr_rng_new(7);
    gr_linear a = gr_linear_new(params, "a", 4, 3, rng), b = gr_linear_new(params, "b", 4, 3, same);
    gr_linear c = gr_linear_new(params, "c", 4, 3, other);

    cr_assert_eq(memcmp(gr_data(a.weight), gr_data(b.weight), 12 * sizeof(float)), 0);
    cr_assert_eq(memcmp(gr_data(a.bias), gr_data(b.bias), 3 * sizeof(float)), 0);
    cr_assert_neq(memcmp(gr_data(a.weight), gr_data(c.weight), 12 * sizeof(float)), 0);
    gr_rng_free(same);
    gr_rng_free(other);
}

/* The cells live with params, not with the scope in which the layer was made. */
Test(linear, outlives_its_scope)
{
    gr_linear layer;
    {
        GR_SCOPE;
        layer = gr_linear_new(params, "hidden", 3, 2, rng);
    }
    EXPECT_SHAPE(gr_linear_apply(&layer, gr_zeros(GR_SHAPE(7, 3))), GR_SHAPE(7, 2));
    cr_assert(gr_ok(), "%s", gr_error_message());
}

Test(linear, wrong_inputs)
{
    gr_linear layer = gr_linear_new(params, "hidden", 2, 5, rng);

    EXPECT_ERROR(gr_linear_apply(&layer, gr_zeros(GR_SHAPE(64, 3))),
                 "gr_linear_apply: x: got (64,3), want (*,2)");
    EXPECT_ERROR(gr_linear_apply(&layer, gr_zeros(GR_SCALAR)),
                 "gr_linear_apply: x: got (), want (*,2)");
    EXPECT_ERROR(gr_linear_apply(&layer, gr_full(GR_F64, GR_SHAPE(2), 0)),
                 "gr_linear_apply: x: got f64, want f32 as weight; convert with gr_cast");
    EXPECT_ERROR(gr_linear_apply(&layer, gr_full(GR_I64, GR_SHAPE(2), 0)),
                 "gr_linear_apply: x: got i64, want f32 as weight; convert with gr_cast");
    EXPECT_ERROR(gr_linear_apply(NULL, broken()),
                 "gr_linear_apply: layer: got NULL, want a gr_linear");
    EXPECT_SILENT(gr_linear_apply(&layer, broken()));
}

static void expect_broken_layer(gr_linear layer, const char *message)
{
    expect_message(message, __LINE__);
    EXPECT_SILENT(layer.weight);
    EXPECT_SILENT(layer.bias);
    EXPECT_SILENT(gr_linear_apply(&layer, gr_zeros(GR_SHAPE(64, 2))));
}

Test(linear, failed_constructors)
{
    expect_broken_layer(gr_linear_new(params, "a", 0, 5, rng),
                        "gr_linear_new: in: got 0, want 1 or more");
    expect_broken_layer(gr_linear_new(params, "a", 2, -5, rng),
                        "gr_linear_new: out: got -5, want 1 or more");
    gr_linear_new(params, "taken", 2, 5, rng);
    expect_broken_layer(gr_linear_new(params, "taken", 2, 5, rng),
                        "gr_params_group: name: \"taken\" is taken");
    expect_broken_layer(gr_linear_new(params, "", 2, 5, rng),
                        "gr_params_group: name: got none, want a name");
    cr_assert_eq(gr_params_count(params), 2);
}
