/* Convolution layers: a convolution and a bias for each channel, as the primitives compute them. */
#include "tests/layers/help.h"

TestSuite(conv_layers, .init = begin, .fini = end);

static gr_conv_options options_of(int64_t stride, int64_t padding, int64_t groups)
{
    gr_conv_options o = gr_conv_defaults();

    o.stride[0] = o.stride[1] = stride;
    o.padding[0] = o.padding[1] = padding;
    o.groups = groups;
    return o;
}

/* y[i][j] = sum over a, b of w[a][b] x[i + a][j + b], plus the bias. */
Test(conv_layers, one_channel_by_hand)
{
    gr_conv2d_layer layer = gr_conv2d_layer_new(params, "c", 1, 2, GR_SHAPE(2, 2),
                                                gr_conv_defaults(), rng);
    gr_assign(layer.weight, TENSOR(GR_F32, GR_SHAPE(2, 1, 2, 2), 1, 2, 3, 4, 0.5, 0, 0, -1));
    gr_assign(layer.bias, TENSOR(GR_F32, GR_SHAPE(2), 0.25, -8));
    gr_tensor *x = TENSOR(GR_F32, GR_SHAPE(1, 1, 2, 3), 1, 0, 2, -1, 3, 5);
    gr_tensor *y = gr_conv2d_layer_apply(&layer, x);

    EXPECT_SHAPE(y, GR_SHAPE(1, 2, 1, 2));
    EXPECT(y, 0, 1 - 3 + 12 + 0.25, 4 + 9 + 20 + 0.25, 0.5 - 3 - 8, 0 - 5 - 8);
}

/* The largest difference between two tensors of one shape. */
static double difference(const gr_tensor *a, const gr_tensor *b)
{
    return gr_item(gr_max(gr_abs(gr_sub(a, b)), GR_ALL_AXES, false));
}

/* Each kind is its primitive with its options, and the bias for each channel. */
Test(conv_layers, primitive_and_bias)
{
    gr_conv_options o = options_of(2, 1, 2);
    gr_conv1d_layer a = gr_conv1d_layer_new(params, "a", 4, 6, 3, o, rng);
    gr_conv2d_layer b = gr_conv2d_layer_new(params, "b", 4, 6, GR_SHAPE(3, 2), o, rng);
    gr_conv_transpose1d_layer c = gr_conv_transpose1d_layer_new(params, "c", 4, 6, 3, o, rng);
    gr_conv_transpose2d_layer d = gr_conv_transpose2d_layer_new(params, "d", 4, 6, GR_SHAPE(3, 2),
                                                                o, rng);
    gr_tensor *row = gr_normal(rng, GR_SHAPE(3, 4, 7), 0, 1);
    gr_tensor *image = gr_normal(rng, GR_SHAPE(3, 4, 5, 7), 0, 1);
    gr_tensor *got[] = {gr_conv1d_layer_apply(&a, row), gr_conv2d_layer_apply(&b, image),
                        gr_conv_transpose1d_layer_apply(&c, row),
                        gr_conv_transpose2d_layer_apply(&d, image)};
    gr_tensor *want[] = {
        gr_add(gr_conv1d(row, a.weight, o), gr_reshape(a.bias, GR_SHAPE(6, 1))),
        gr_add(gr_conv2d(image, b.weight, o), gr_reshape(b.bias, GR_SHAPE(6, 1, 1))),
        gr_add(gr_conv_transpose1d(row, c.weight, o), gr_reshape(c.bias, GR_SHAPE(6, 1))),
        gr_add(gr_conv_transpose2d(image, d.weight, o), gr_reshape(d.bias, GR_SHAPE(6, 1, 1)))};

    EXPECT_SHAPE(got[0], GR_SHAPE(3, 6, 4));
    EXPECT_SHAPE(got[1], GR_SHAPE(3, 6, 3, 4));
    EXPECT_SHAPE(got[2], GR_SHAPE(3, 6, 13));
    EXPECT_SHAPE(got[3], GR_SHAPE(3, 6, 9, 12));
    for (int i = 0; i < 4; i++) cr_assert_eq(difference(got[i], want[i]), 0, "kind %d", i);
    cr_assert(gr_ok(), "%s", gr_error_message());
}

static gr_tensor *checked(gr_tensor *const *inputs, int n, void *context)
{
    gr_conv2d_layer layer = {inputs[1], inputs[2], options_of(2, 1, 1)};

    (void)n;
    (void)context;
    return gr_square(gr_conv2d_layer_apply(&layer, inputs[0]));
}

/* Ordinary tensors may stand for the cells. */
Test(conv_layers, derivatives_of_order_1_and_2)
{
    gr_set_default_dtype(GR_F64);
    gr_tensor *inputs[] = {gr_normal(rng, GR_SHAPE(2, 2, 4, 3), 0, 1),
                           gr_normal(rng, GR_SHAPE(3, 2, 3, 2), 0, 1),
                           gr_normal(rng, GR_SHAPE(3), 0, 1)};

    cr_assert(gr_gradcheck(checked, NULL, inputs, 3, 2), "%s", gr_error_message());
}

Test(conv_layers, cells_are_named_after_the_layer)
{
    gr_conv_options o = options_of(1, 0, 2);
    gr_conv2d_layer a = gr_conv2d_layer_new(params, "first", 4, 6, GR_SHAPE(3, 5), o, rng);
    gr_conv_transpose2d_layer b = gr_conv_transpose2d_layer_new(params, "second", 4, 6,
                                                                GR_SHAPE(3, 5), o, rng);
    gr_conv1d_layer c = gr_conv1d_layer_new(params, "third", 4, 6, 7, o, rng);
    gr_conv_transpose1d_layer d = gr_conv_transpose1d_layer_new(params, "fourth", 4, 6, 7, o, rng);

    cr_assert_eq(gr_params_count(params), 8);
    cr_assert_eq(gr_params_find(params, "first.weight"), a.weight);
    cr_assert_eq(gr_params_find(params, "second.bias"), b.bias);
    EXPECT_SHAPE(a.weight, GR_SHAPE(6, 2, 3, 5));
    EXPECT_SHAPE(b.weight, GR_SHAPE(4, 3, 3, 5));
    EXPECT_SHAPE(c.weight, GR_SHAPE(6, 2, 7));
    EXPECT_SHAPE(d.weight, GR_SHAPE(4, 3, 7));
    EXPECT_SHAPE(a.bias, GR_SHAPE(6));
    EXPECT_SHAPE(d.bias, GR_SHAPE(6));
    cr_assert(gr_is_trained(a.weight) && gr_is_trained(d.bias));
}

/* Uniform in +-1/sqrt(n): bounds, mean 0, standard deviation bound / sqrt(3). */
static void expect_uniform(const gr_tensor *t, double bound)
{
    double n = (double)gr_count(t), std = bound / sqrt(3);
    double largest = gr_item(gr_max(gr_abs(t), GR_ALL_AXES, false));
    double mean = gr_item(gr_mean(t, GR_ALL_AXES, false));
    double square = gr_item(gr_mean(gr_square(t), GR_ALL_AXES, false));

    cr_assert(largest <= bound && largest > 0.98 * bound, "largest %g, bound %g", largest, bound);
    cr_assert(fabs(mean) < 4 * std / sqrt(n), "mean %g", mean);
    cr_assert(fabs(square / (std * std) - 1) < 4 / sqrt(n), "mean square %g", square);
}

/* n is in / groups or, transposed, out / groups, times the kernel: 20 * 12 and 30 * 12 elements. */
Test(conv_layers, initial_values)
{
    gr_conv_options o = options_of(1, 0, 2);
    gr_conv2d_layer a = gr_conv2d_layer_new(params, "a", 40, 600, GR_SHAPE(3, 4), o, rng);
    gr_conv_transpose1d_layer b = gr_conv_transpose1d_layer_new(params, "b", 400, 60, 12, o, rng);

    expect_uniform(a.weight, 1 / sqrt(240));
    expect_uniform(a.bias, 1 / sqrt(240));
    expect_uniform(b.weight, 1 / sqrt(360));
}

/* A step down the gradient lowers the loss of every kind. */
Test(conv_layers, learns)
{
    gr_conv2d_layer down = gr_conv2d_layer_new(params, "down", 2, 5, GR_SHAPE(3, 3),
                                               options_of(2, 1, 1), rng);
    gr_conv_transpose2d_layer up = gr_conv_transpose2d_layer_new(params, "up", 5, 2, GR_SHAPE(2, 2),
                                                                 options_of(2, 0, 1), rng);
    gr_adam_options options = gr_adam_defaults();
    options.lr = 0.02;
    gr_optimizer *adam = gr_adam(params, options);
    double first = 0, last = 0;

    for (int step = 0; step < 60; step++) {
        GR_SCOPE;
        gr_rng *same = gr_rng_new(3);
        gr_tensor *x = gr_uniform(same, GR_SHAPE(8, 2, 6, 6), -1, 1);
        gr_tensor *h = gr_tanh(gr_conv2d_layer_apply(&down, x)); /* (8, 5, 3, 3) */
        gr_tensor *loss = gr_loss_mse(gr_conv_transpose2d_layer_apply(&up, h), x, GR_MEAN);
        gr_backward(loss, params);
        cr_assert(gr_step(adam), "%s", gr_error_message());
        last = gr_item(loss);
        if (step == 0) first = last;
        gr_rng_free(same);
    }
    cr_assert(last < 0.75 * first, "from %g to %g", first, last);
    gr_optimizer_free(adam);
}

Test(conv_layers, wrong_inputs)
{
    gr_conv_options o = gr_conv_defaults();
    gr_conv2d_layer a = gr_conv2d_layer_new(params, "a", 3, 5, GR_SHAPE(3, 3), o, rng);
    gr_conv_transpose1d_layer b = gr_conv_transpose1d_layer_new(params, "b", 3, 5, 3, o, rng);

    EXPECT_ERROR(gr_conv2d_layer_apply(&a, gr_zeros(GR_SHAPE(64, 1, 28, 28))),
                 "gr_conv2d_layer_apply: x: got (64,1,28,28), want (*,3,*,*)");
    EXPECT_ERROR(gr_conv2d_layer_apply(&a, gr_zeros(GR_SHAPE(3, 28, 28))),
                 "gr_conv2d_layer_apply: x: got (3,28,28), want (*,3,*,*)");
    EXPECT_ERROR(gr_conv_transpose1d_layer_apply(&b, gr_zeros(GR_SHAPE(2, 5, 9))),
                 "gr_conv_transpose1d_layer_apply: x: got (2,5,9), want (*,3,*)");
    EXPECT_ERROR(gr_conv2d_layer_apply(&a, gr_full(GR_F64, GR_SHAPE(1, 3, 5, 5), 0)),
                 "gr_conv2d_layer_apply: x: got f64, want f32 as weight; convert with gr_cast");
    EXPECT_ERROR(gr_conv2d_layer_apply(NULL, broken()),
                 "gr_conv2d_layer_apply: layer: got NULL, want a layer");
    EXPECT_ERROR(gr_conv1d_layer_apply(NULL, broken()),
                 "gr_conv1d_layer_apply: layer: got NULL, want a layer");
    EXPECT_SILENT(gr_conv2d_layer_apply(&a, broken()));
}

Test(conv_layers, failed_constructors)
{
    gr_conv_options none = {.groups = 0};
    gr_shape square = GR_SHAPE(3, 3);
    gr_conv2d_layer a = gr_conv2d_layer_new(params, "a", 0, 5, square, gr_conv_defaults(), rng);

    expect_message("gr_conv2d_layer_new: in: got 0, want 1 or more", __LINE__);
    EXPECT_SILENT(a.weight);
    EXPECT_SILENT(gr_conv2d_layer_apply(&a, gr_zeros(GR_SHAPE(1, 1, 5, 5))));
    gr_conv2d_layer_new(params, "a", 4, 5, square, options_of(1, 0, 2), rng);
    expect_message("gr_conv2d_layer_new: out: got 5, want a multiple of 2, the groups", __LINE__);
    gr_conv2d_layer_new(params, "a", 4, 5, square, none, rng);
    expect_message("gr_conv2d_layer_new: options.groups: got 0, want 1 or more; start from "
                   "gr_conv_defaults()",
                   __LINE__);
    gr_conv_transpose2d_layer_new(params, "a", 4, 5, GR_SHAPE(3), gr_conv_defaults(), rng);
    expect_message("gr_conv_transpose2d_layer_new: kernel: got (3), want (kh,kw), 1 or more each",
                   __LINE__);
    gr_conv1d_layer_new(params, "a", 4, 5, 0, gr_conv_defaults(), rng);
    expect_message("gr_conv1d_layer_new: kernel: got (0), want (k), 1 or more each", __LINE__);
    cr_assert_eq(gr_params_count(params), 0);
}
