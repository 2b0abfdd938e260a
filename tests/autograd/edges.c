/* Edges of the primitives and the walk: infinite values, empty axes, memory that runs out, and the
 * names that messages give. */
#include <pthread.h>
#include "tests/common/check.h"
#include "autograd/autograd.h"
#include "src/core/alloc.h"

TestSuite(autograd_edges, .init = silence, .timeout = 30);

static gr_tensor *total(gr_tensor *x)
{
    return gr_sum(x, GR_ALL_AXES, false);
}
static gr_tensor *one(double x)
{
    return tensor(GR_F64, GR_SHAPE(1), x);
}
static gr_tensor *slope_of(gr_tensor *y, gr_tensor *x)
{
    gr_tensor *g;
    cr_assert(gr_gradients(y, &x, 1, &g), "%s", gr_error_message());
    return g;
}

/* ---- an infinite derivative never passes the check ---- */
static gr_tensor *infinite_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    return gr_mul(g, gr_mul(INFINITY, y->in[input].tensor));
}
static const gr__primitive infinite = {
    .name = "infinite", .kind = GR__VIEW, .arity = 1, .dtypes = GR__FLOATS, .rule = infinite_rule};
static gr_tensor *inf_square(gr_tensor *const *x, int n, void *c)
{
    (void)n, (void)c;
    gr_tensor *v = gr_detach(gr_square(x[0]));
    return gr__node2(&infinite, NULL, v->shape, (gr_dtype)v->dtype, v, x[0], NULL);
}
Test(autograd_edges, an_infinite_derivative_fails_the_check)
{
    gr_tensor *x = one(0.75);
    cr_assert_not(gr_gradcheck(inf_square, NULL, &x, 1, 1));
}

/* ---- a tensor made under GR_NO_GRAD is as if detached: a legal target ---- */
Test(autograd_edges, no_grad_tensor_as_target)
{
    gr_tensor *x = one(3), *hat;
    {
        GR_NO_GRAD;
        hat = gr_mul(x, 2);
    }
    expect_numbers(slope_of(total(gr_square(hat)), hat), 12);
}

/* ---- a walk that runs out of memory leaves no marks behind ---- */
Test(autograd_edges, walk_out_of_memory)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", one(3));
    for (int n = 1; n < 60; n++) {
        gr_memory_trim();
        gr_tensor *loss = total(gr_square(gr_mul(w, 2)));
        gr_set_grad(w, NULL);
        gr__fail_allocation(n);
        bool good = gr_backward(loss, params);
        gr__fail_allocation(0);
        cr_assert(good == gr_ok(), "n %d: good %d, %s", n, good, gr_error_message());
        cr_assert(good || !gr_grad(w), "n %d: a gradient after a failure", n);
        gr_error_clear();
        double v = gr_item(loss);
        cr_assert(v == 36, "n %d: after a failed gr_backward the loss is %g, message \"%s\"", n, v,
                  gr_error_message());
        if (good) break;
    }
}
Test(autograd_edges, gradients_out_of_memory)
{
    gr_tensor *x = one(3), *g;
    for (int n = 1; n < 60; n++) {
        gr_memory_trim();
        gr_tensor *loss = total(gr_square(gr_mul(x, 2)));
        gr__fail_allocation(n);
        bool good = gr_gradients(loss, &x, 1, &g);
        gr__fail_allocation(0);
        cr_assert(good == gr_ok(), "n %d: good %d, %s", n, good, gr_error_message());
        cr_assert(good || gr_is_error(g));
        gr_error_clear();
        double v = gr_item(loss);
        cr_assert(v == 36, "n %d: after a failed gr_gradients the loss is %g, message \"%s\"", n, v,
                  gr_error_message());
        if (good) break;
    }
}

/* ---- gradients by nothing are an error ---- */
Test(autograd_edges, gradients_of_no_targets)
{
    gr_tensor *x = one(3);
    bool good = gr_gradients(gr_square(x), NULL, 0, NULL);
    cr_assert(good == gr_ok(), "returned %d, and the state is %s", good, gr_ok() ? "ok" : "error");
}

/* ---- an i64 cell is no target ---- */
Test(autograd_edges, integer_cell_as_target)
{
    gr_params *params = gr_params_new();
    gr_tensor *s = gr_state(params, "s", tensor(GR_I64, GR_SHAPE(1), 3)), *g;
    cr_assert_not(gr_gradients(one(2), &s, 1, &g));
    expect_error(GR_ERROR_DTYPE, "gr_gradients: xs: got i64, want f32 or f64");
    gr_params_free(params);
}

/* ---- another thread's tensor is a legal target ---- */
static void *other_thread(void *p)
{
    gr_tensor **t = p;
    *t = one(3);
    gr_eval(1, t);
    pthread_exit(NULL);
}
Test(autograd_edges, foreign_tensor_as_target)
{
    gr_tensor *x = NULL;
    pthread_t id;
    pthread_create(&id, NULL, other_thread, &x);
    pthread_join(id, NULL);
    expect_numbers(slope_of(total(gr_square(x)), x), 6);
}

/* ---- gr_where checks its operands under its own name ---- */
Test(autograd_edges, where_stale_condition)
{
    gr_tensor *a = one(3), *stale;
    {
        GR_SCOPE;
        stale = gr_square(a);
    }
    gr_where(stale, a, 0);
    expect_error(GR_ERROR_STALE,
                 "gr_where: c: this tensor's scope has ended; keep it with gr_keep");
}
Test(autograd_edges, where_null_condition)
{
    gr_where((gr_tensor *)NULL, one(3), 0);
    expect_error(GR_ERROR_VALUE, "gr_where: c: got NULL, want a tensor");
}
Test(autograd_edges, where_stale_value)
{
    gr_tensor *a = one(3), *stale;
    {
        GR_SCOPE;
        stale = gr_square(a);
    }
    gr_where(a, stale, 0);
    expect_error(GR_ERROR_STALE,
                 "gr_where: a: this tensor's scope has ended; keep it with gr_keep");
}

/* ---- at a number gr_maximum selects, as gr_relu does: an infinite gradient does not leak ---- */
Test(autograd_edges, maximum_at_a_number_with_infinite_gradient)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2), 0, 1);
    expect_numbers(slope_of(total(gr_log(gr_relu(x))), x), 0, 1);
    expect_numbers(slope_of(total(gr_log(gr_maximum(x, 0.0))), x), 0, 1);
}

/* ---- gr_full keeps the sign of zero ---- */
Test(autograd_edges, full_of_minus_zero)
{
    cr_assert(signbit(gr_item(gr_full(GR_F64, GR_SCALAR, -0.0))));
}

/* ---- indices that are known are checked when the operation is made ---- */
Test(autograd_edges, one_hot_known_labels)
{
    cr_assert(gr_is_error(gr_one_hot(tensor(GR_I64, GR_SHAPE(2), 0, 3), 3)));
    expect_error(GR_ERROR_VALUE, "gr_one_hot: index: got 3 at (1), want 0 to 2");
}
Test(autograd_edges, strided_known_index)
{
    gr_tensor *x = noise_tensor(GR_F64, GR_SHAPE(3), 1);
    gr_tensor *i = gr_flip(tensor(GR_I64, GR_SHAPE(2), 9, 0), GR_AXES(0));
    cr_assert(gr_eval(1, &i));
    cr_assert(gr_is_error(gr_take(x, 0, i)));
    expect_error(GR_ERROR_VALUE, "gr_take: index: got 9 at (1), want 0 to 2");
}
Test(autograd_edges, negative_extent_known_index)
{
    gr_tensor *x = noise_tensor(GR_F64, GR_SHAPE(2), 1), *i = tensor(GR_I64, GR_SHAPE(2), 0, 1);
    gr_scatter_add(x, 0, i, -4);
    expect_error(GR_ERROR_VALUE, "gr_scatter_add: extent: got -4, want 0 or more");
}
Test(autograd_edges, empty_axis_text)
{
    gr_tensor *x = gr_full(GR_F64, GR_SHAPE(0), 1);
    gr_gather(x, 0, tensor(GR_I64, GR_SHAPE(2), 0, 1));
    expect_error(GR_ERROR_VALUE, "gr_gather: index: got 0 at (0), but the axis is empty");
}

/* ---- messages name the function and argument of the caller ---- */
Test(autograd_edges, logsumexp_of_nothing)
{
    gr_logsumexp(gr_full(GR_F64, GR_SHAPE(2, 0), 1), GR_AXES(1), false);
    cr_assert(gr_ok() || strncmp(gr_error_message(), "gr_logsumexp: x: ", 17) == 0, "%s",
              gr_error_message());
}
Test(autograd_edges, softmax_of_nothing)
{
    gr_softmax(gr_full(GR_F64, GR_SHAPE(2, 0), 1), GR_AXES(1));
    cr_assert(gr_ok() || strncmp(gr_error_message(), "gr_softmax: x: ", 15) == 0, "%s",
              gr_error_message());
}
Test(autograd_edges, one_hot_classes)
{
    gr_one_hot(gr_full(GR_I64, GR_SHAPE(2), 1), -3);
    cr_assert(strncmp(gr_error_message(), "gr_one_hot: classes: ", 21) == 0, "%s",
              gr_error_message());
}
Test(autograd_edges, permute_order)
{
    gr_permute(gr_full(GR_F64, GR_SHAPE(2, 2), 1), GR_AXES(0, 2));
    cr_assert(strncmp(gr_error_message(), "gr_permute: order: ", 19) == 0, "%s",
              gr_error_message());
}
Test(autograd_edges, arange_n)
{
    gr_arange(GR_F32, -3, 0, 1);
    cr_assert(strncmp(gr_error_message(), "gr_arange: n: ", 14) == 0, "%s", gr_error_message());
}
static gr_tensor *in_f32(gr_tensor *const *x, int n, void *c)
{
    (void)n, (void)c;
    return gr_cast(x[0], GR_F32);
}
Test(autograd_edges, gradcheck_of_f32_function)
{
    gr_tensor *x = one(1);
    gr_gradcheck(in_f32, NULL, &x, 1, 1);
    cr_assert(strncmp(gr_error_message(), "gr_gradcheck: f: ", 17) == 0, "%s", gr_error_message());
}
Test(autograd_edges, gradcheck_of_f32_input)
{
    gr_tensor *x = tensor(GR_F32, GR_SHAPE(1), 1);
    gr_gradcheck(in_f32, NULL, &x, 1, 1);
    cr_assert(strncmp(gr_error_message(), "gr_gradcheck: inputs: ", 22) == 0, "%s",
              gr_error_message());
}
static gr_tensor *wrong_shape_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    (void)y, (void)input;
    return gr_slice(g, 0, 0, 2);
}
static const gr__primitive wrong_shape = {.name = "gr_planted",
                                          .kind = GR__VIEW,
                                          .arity = 1,
                                          .dtypes = GR__ALL,
                                          .rule = wrong_shape_rule};
Test(autograd_edges, rule_of_wrong_shape)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(3), 1, 2, 3), *g;
    gr_tensor *y = gr__node1(&wrong_shape, NULL, x->shape, GR_F64, x, NULL);
    cr_assert_not(gr_gradients(total(y), &x, 1, &g));
    expect_error(GR_ERROR_STATE, "gr_gradients: the derivative rule of gr_planted gives a gradient "
                                 "that does not fit its operand");
}
Test(autograd_edges, late_error_of_take)
{
    gr_tensor *i = gr_add(tensor(GR_I64, GR_SHAPE(1), 5), 0);
    gr_data(gr_take(noise_tensor(GR_F64, GR_SHAPE(3), 1), 0, i));
    cr_assert(strncmp(gr_error_message(), "gr_take: index: got 5 at (0), want 0 to 2", 41) == 0,
              "%s", gr_error_message());
}
Test(autograd_edges, reshape_two_negative)
{
    gr_reshape(gr_full(GR_F64, GR_SHAPE(6), 1), GR_SHAPE(-1, -2));
    expect_error(GR_ERROR_SHAPE, "gr_reshape: shape: axis 1: got -2, want 0 or more, or -1 once");
}

/* ---- a progression may end at the limit ---- */
Test(autograd_edges, arange_up_to_the_limit)
{
    gr_tensor *t = gr_arange(GR_I64, 10, 0, 1e18);
    cr_assert(!gr_is_error(t), "%s", gr_error_message());
    cr_assert_eq(gr_data_i64(t)[9], INT64_C(9000000000000000000));
}

/* ---- a row of nothing but -inf has probability 0 everywhere ---- */
Test(autograd_edges, softmax_of_minus_infinity)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2), -INFINITY, -INFINITY);
    expect_numbers(gr_softmax(x, GR_AXES(0)), 0, 0);
}
Test(autograd_edges, log_softmax_of_minus_infinity)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2), -INFINITY, -INFINITY);
    expect_numbers(gr_log_softmax(x, GR_AXES(0)), -INFINITY, -INFINITY);
    expect_numbers(slope_of(total(gr_log_softmax(x, GR_AXES(0))), x), 0, 0);
}

/* ---- the derivative of logsumexp is exact for large logits ---- */
Test(autograd_edges, logsumexp_gradient_of_large_logits)
{
    gr_tensor *x = tensor(GR_F32, GR_SHAPE(2), 1e6, 1e6);
    double third[] = {0.5, 0.5};
    expect_near(slope_of(gr_logsumexp(x, GR_AXES(0), false), x), 2, third, 1e-6);
}
