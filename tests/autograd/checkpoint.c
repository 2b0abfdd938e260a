/* Recomputation in place of memory: the same numbers, gradients of any order, less memory. */
#include "tests/common/check.h"

TestSuite(checkpoint, .init = silence);

static gr_tensor *total(const gr_tensor *x)
{
    return gr_sum(x, GR_ALL_AXES, false);
}

static int calls;

static gr_tensor *squared(gr_tensor *const *x, int n, void *context)
{
    (void)n, (void)context;
    return gr_square(x[0]);
}

static gr_tensor *mixed(gr_tensor *const *x, int n, void *context)
{
    calls++;
    (void)context;
    return n > 1 ? gr_tanh(gr_mul(gr_exp(x[0]), x[1])) : gr_tanh(gr_exp(x[0]));
}

static gr_tensor *checkpointed(gr_tensor *const *x, int n, void *context)
{
    gr_tensor *square[] = {gr_square(x[0]), gr_mul(x[0], x[1])}; /* one depends on the other */

    return gr_checkpoint(mixed, context, square, n);
}

Test(checkpoint, derivatives_of_order_three)
{
    gr_tensor *x[] = {tensor(GR_F64, GR_SHAPE(2), 0.5, -0.75),
                      tensor(GR_F64, GR_SHAPE(2), 1.5, 0.25)};

    cr_assert(gr_gradcheck(checkpointed, NULL, x, 2, 3), "%s", gr_error_message());
    EXPECT_NO_LEAK();
}

Test(checkpoint, calls_again_once_for_all_gradients)
{
    gr_tensor *x[] = {tensor(GR_F64, GR_SHAPE(2), 0.5, -0.75),
                      tensor(GR_F64, GR_SHAPE(2), 1.5, 0.25)};
    gr_tensor *g[2], *h[2];

    calls = 0;
    cr_assert(gr_gradients(total(gr_checkpoint(mixed, NULL, x, 2)), x, 2, g));
    cr_assert_eq(calls, 2);
    cr_assert(gr_gradients(total(mixed(x, 2, NULL)), x, 2, h));
    expect_bits(GR_F64, 2, gr_data(g[0]), gr_data(h[0]), "first");
    expect_bits(GR_F64, 2, gr_data(g[1]), gr_data(h[1]), "second");
    calls = 0;
    gr_item(total(gr_checkpoint(mixed, NULL, x, 2)));
    cr_assert_eq(calls, 1);
    EXPECT_NO_LEAK();
}

/* Scopes take turns with their memory: what a closed one held must not be taken for what lies there
 * now, nor may its gradients be handed out. */
Test(checkpoint, gradients_in_one_scope_after_another)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2), 1, 2), *y = gr_checkpoint(squared, NULL, &x, 1);
    gr_tensor *same = tensor(GR_F64, GR_SHAPE(2), 1, 1), *g;

    for (int i = 1; i < 13; i++) {
        GR_SCOPE;
        gr_tensor *v = i % 3 ? NULL : gr_full(GR_F64, GR_SHAPE(2), i);
        if (v) {
            cr_assert(gr_vjp(y, v, &x, 1, &g));
            expect_numbers(g, 2 * i, 4 * i);
            cr_assert(gr_vjp(y, same, &x, 1, &g));
            expect_numbers(g, 2, 4);
        }
    }
    expect_ok();
    EXPECT_NO_LEAK();
}

Test(checkpoint, an_input_given_twice)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2), 0.5, -0.75), *both[] = {x, x}, *g, *h;

    cr_assert(gr_gradients(total(gr_checkpoint(mixed, NULL, both, 2)), &x, 1, &g));
    cr_assert(gr_gradients(total(mixed(both, 2, NULL)), &x, 1, &h));
    expect_bits(GR_F64, 2, gr_data(g), gr_data(h), "x twice");
    EXPECT_NO_LEAK();
}

static gr_tensor *unchanged(gr_tensor *const *x, int n, void *context)
{
    (void)n, (void)context;
    return x[0];
}

Test(checkpoint, of_nothing_done)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2), 0.5, -0.75), *g;

    cr_assert(gr_gradients(total(gr_checkpoint(unchanged, NULL, &x, 1)), &x, 1, &g));
    expect_numbers(g, 1, 1);
    EXPECT_NO_LEAK();
}

Test(checkpoint, of_a_cell_as_it_is)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", tensor(GR_F64, GR_SHAPE(2), 2, 3)), *g;

    cr_assert(gr_gradients(total(gr_checkpoint(unchanged, NULL, &w, 1)), &w, 1, &g));
    expect_numbers(g, 1, 1);
    gr_params_free(params);
    EXPECT_NO_LEAK();
}

/* ---- what f reads beside its inputs ---- */

typedef struct model {
    gr_tensor *weight, *outside;
    gr_rng *rng;
} model;

static gr_tensor *layer(gr_tensor *const *x, int n, void *context)
{
    const model *m = context;
    gr_tensor *y = gr_tanh(gr_mul(gr_mul(x[0], m->weight), m->outside));

    (void)n;
    return m->rng ? gr_mul(y, gr_bernoulli(m->rng, gr_shape_of(y), 0.5)) : y;
}

static gr_tensor *layer_twice(gr_tensor *const *x, int n, void *context)
{
    gr_tensor *h = gr_checkpoint(layer, context, x, n);

    return gr_add(gr_checkpoint(layer, context, &h, 1), h);
}

Test(checkpoint, cells_and_tensors_from_outside_get_their_gradients)
{
    gr_params *params = gr_params_new();
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2), 0.5, -0.75), *gx[2], *hx[2];
    model m = {.weight = gr_param(params, "w", tensor(GR_F64, GR_SHAPE(2), 2, 3))};
    m.outside = gr_exp(x);
    gr_tensor *targets[] = {x, m.weight};

    cr_assert(gr_gradients(total(gr_checkpoint(layer, &m, &x, 1)), targets, 2, gx));
    cr_assert(gr_gradients(total(layer(&x, 1, &m)), targets, 2, hx));
    expect_near(gx[0], 2, gr_data_f64(hx[0]), 1e-15);
    expect_near(gx[1], 2, gr_data_f64(hx[1]), 1e-15);
    cr_assert(gr_backward(total(gr_checkpoint(layer, &m, &x, 1)), params));
    gr_params_free(params);
    EXPECT_NO_LEAK();
}

Test(checkpoint, random_numbers_are_the_same_again)
{
    gr_tensor *x = noise_tensor(GR_F32, GR_SHAPE(64), 1), *g, *h;
    model m = {.weight = gr_full(GR_F32, GR_SCALAR, 1), .outside = gr_full(GR_F32, GR_SCALAR, 2)};
    m.rng = gr_rng_new(3);
    gr_tensor *y = layer_twice(&x, 1, &m);
    gr_rng_state after = gr_rng_get_state(m.rng);

    cr_assert(gr_gradients(total(y), &x, 1, &g));
    cr_assert_eq(gr_rng_get_state(m.rng).counter, after.counter, "the generator moved on");
    gr_rng_free(m.rng);
    m.rng = gr_rng_new(3);
    gr_tensor *once = layer(&x, 1, &m), *plain = gr_add(layer(&once, 1, &m), once);
    cr_assert(gr_gradients(total(plain), &x, 1, &h));
    expect_bits(GR_F32, 64, gr_data(y), gr_data(plain), "value");
    double *want = numbers_of(h);
    expect_near(g, 64, want, 1e-6);
    free(want);
    gr_rng_free(m.rng);
    EXPECT_NO_LEAK();
}

/* A checkpoint of checkpoints. */
Test(checkpoint, nests)
{
    gr_tensor *x = noise_tensor(GR_F64, GR_SHAPE(8), 1), *g, *h;
    model m = {.weight = gr_full(GR_F64, GR_SCALAR, 1), .outside = gr_full(GR_F64, GR_SCALAR, 2)};

    cr_assert(gr_gradients(total(gr_checkpoint(layer_twice, &m, &x, 1)), &x, 1, &g));
    gr_tensor *once = layer(&x, 1, &m), *plain = gr_add(layer(&once, 1, &m), once);
    cr_assert(gr_gradients(total(plain), &x, 1, &h));
    expect_near(g, 8, gr_data_f64(h), 1e-15);
    cr_assert(gr_gradcheck(layer_twice, &m, &x, 1, 2), "%s", gr_error_message());
    EXPECT_NO_LEAK();
}

/* ---- memory ---- */

enum { ELEMENTS = 1 << 16, DEEP = 8, SEGMENTS = 8 };

static gr_tensor *deep(gr_tensor *const *x, int n, void *context)
{
    gr_tensor *y = x[0];

    (void)n, (void)context;
    for (int i = 0; i < DEEP; i++) { /* each softmax is what its gradient needs */
        y = gr_add(gr_softmax(y, GR_AXES(1)), x[0]);
    }
    return y;
}

static int64_t peak_of(bool checkpoints)
{
    GR_SCOPE;
    gr_tensor *x = noise_tensor(GR_F32, GR_SHAPE(256, 256), 1), *y = x, *g;

    gr_eval(1, &x);
    gr_memory_reset_peak();
    int64_t before = gr_memory_stats().current;
    for (int i = 0; i < SEGMENTS; i++) {
        y = checkpoints ? gr_checkpoint(deep, NULL, &y, 1) : deep(&y, 1, NULL);
    }
    cr_assert(gr_gradients(total(y), &x, 1, &g));
    gr_eval(1, &g);
    return gr_memory_stats().peak - before;
}

Test(checkpoint, takes_less_memory)
{
    int64_t without = peak_of(false), with = peak_of(true);

    cr_assert_lt(with, without / 2, "%lld bytes with, %lld without", (long long)with,
                 (long long)without);
    EXPECT_NO_LEAK();
}

/* ---- what is refused ---- */

Test(checkpoint, a_cell_that_has_changed)
{
    gr_params *params = gr_params_new();
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2), 0.5, -0.75), *g;
    model m = {.weight = gr_param(params, "w", tensor(GR_F64, GR_SHAPE(2), 2, 3)),
               .outside = gr_full(GR_F64, GR_SCALAR, 2)};
    gr_tensor *y = gr_checkpoint(layer, &m, &x, 1);

    cr_assert(gr_assign(m.weight, gr_mul(m.weight, 2)));
    cr_assert_not(gr_gradients(total(y), &x, 1, &g));
    expect_error(GR_ERROR_STATE, "gr_checkpoint: \"w\" has changed since the function was called; "
                                 "take gradients before gr_step");
    gr_params_free(params);
    EXPECT_NO_LEAK();
}

/* A value that was assigned before the call may get its numbers between; another one may not come,
 * nor be taken for the first when nobody has looked at that. */
Test(checkpoint, a_cell_that_waited_for_its_numbers)
{
    gr_params *params = gr_params_new();
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2), 0.5, -0.75), *g, *h;
    model m = {.weight = gr_param(params, "w", tensor(GR_F64, GR_SHAPE(2), 2, 3)),
               .outside = gr_full(GR_F64, GR_SCALAR, 2)};

    cr_assert(gr_assign(m.weight, gr_mul(m.weight, 2)));
    gr_tensor *y = gr_checkpoint(layer, &m, &x, 1), *want = layer(&x, 1, &m);
    cr_assert(gr_eval(1, &m.weight));
    cr_assert(gr_gradients(total(y), &x, 1, &g) && gr_gradients(total(want), &x, 1, &h));
    expect_near(g, 2, gr_data_f64(h), 1e-15);
    for (int times = 0; times < 2; times++) {
        cr_assert(gr_assign(m.weight, gr_mul(m.weight, 2)));
        cr_assert(gr_eval(1, &m.weight));
        cr_assert_not(gr_gradients(total(y), &x, 1, &g));
        cr_assert_eq(gr_error_code(), GR_ERROR_STATE);
        gr_error_clear();
    }
    gr_params_free(params);
    EXPECT_NO_LEAK();
}

static gr_tensor *growing(gr_tensor *const *x, int n, void *context)
{
    (void)n, (void)context;
    return gr_square(gr_reshape(x[0], calls++ ? GR_SHAPE(2, 1) : GR_SHAPE(2)));
}

Test(checkpoint, what_is_refused)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2), 0.5, -0.75), *none = NULL, *g;

    cr_assert(gr_is_error(gr_checkpoint(NULL, NULL, &x, 1)));
    expect_error(GR_ERROR_VALUE, "gr_checkpoint: f: got NULL, want a function");
    cr_assert(gr_is_error(gr_checkpoint(mixed, NULL, NULL, 1)));
    expect_error(GR_ERROR_VALUE, "gr_checkpoint: inputs: got NULL, want an array");
    cr_assert(gr_is_error(gr_checkpoint(mixed, NULL, &x, -1)));
    expect_error(GR_ERROR_VALUE, "gr_checkpoint: n: got -1, want 0 or more");
    cr_assert(gr_is_error(gr_checkpoint(unchanged, NULL, &none, 1)));
    expect_error(GR_ERROR_VALUE, "gr_checkpoint: f: got NULL, want a tensor");
    calls = 0;
    cr_assert_not(gr_gradients(total(gr_checkpoint(growing, NULL, &x, 1)), &x, 1, &g));
    expect_error(GR_ERROR_STATE,
                 "gr_checkpoint: f: made (2,1) at its second call and (2) at its first");
    EXPECT_NO_LEAK();
}
