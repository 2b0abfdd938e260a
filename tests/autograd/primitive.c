/* A user's own primitives. */
#include "tests/common/check.h"

TestSuite(primitive, .init = silence);

/* out = a b^T of two vectors, times *context; a negative element of a is refused. */
static const char *outer(void *out, const gr_array *result, const gr_array *in, void *context)
{
    const double *a = in[0].data, *b = in[1].data;
    double *to = out;

    for (int64_t i = 0; i < in[0].count; i++) {
        if (a[i] < 0) {
            return "got a negative number, want none";
        }
        for (int64_t j = 0; j < in[1].count; j++) {
            to[i * in[1].count + j] = *(const double *)context * a[i] * b[j];
        }
    }
    cr_assert_eq(result->count, in[0].count * in[1].count);
    return NULL;
}

static gr_tensor *outer_rule(const gr_tensor *y, gr_tensor *const *in, int i, gr_tensor *g,
                             void *context)
{
    gr_tensor *b = gr_unsqueeze(in[1], 0), *a = gr_unsqueeze(in[0], 1);

    (void)y;
    return gr_sum(gr_mul(gr_mul(g, i == 0 ? b : a), *(const double *)context),
                  GR_AXES(i == 0 ? 1 : 0), false);
}

static gr_tensor *outer_of(gr_tensor *const *x, int n, void *context)
{
    (void)n;
    return gr_apply(context, x, GR_F64, GR_SHAPE(gr_count(x[0]), gr_count(x[1])));
}

static gr_tensor *outer_of_cubes(gr_tensor *const *x, int n, void *context)
{
    gr_tensor *in[] = {gr_mul(x[0], gr_square(x[0])), gr_exp(x[1])};

    return outer_of(in, n, context);
}

Test(primitive, value_and_derivatives_of_any_order)
{
    double scale = 0.5;
    gr_primitive *p = gr_primitive_new("outer", 2, outer, outer_rule, &scale);
    gr_tensor *x[] = {tensor(GR_F64, GR_SHAPE(2), 1, 2), tensor(GR_F64, GR_SHAPE(3), 3, -4, 5)};

    expect_numbers(outer_of(x, 2, p), 1.5, -2, 2.5, 3, -4, 5);
    cr_assert(gr_gradcheck(outer_of_cubes, p, x, 2, 3), "%s", gr_error_message());
    gr_primitive_free(p);
    EXPECT_NO_LEAK();
}

Test(primitive, sees_its_inputs_in_c_order)
{
    double scale = 1;
    gr_primitive *p = gr_primitive_new("outer", 2, outer, outer_rule, &scale);
    gr_tensor *m = tensor(GR_F64, GR_SHAPE(2, 3), 1, 2, 3, 4, 5, 6);
    gr_tensor *x[] = {gr_flip(tensor(GR_F64, GR_SHAPE(2), 1, 10), GR_AXES(0)),
                      gr_reshape(gr_slice(gr_transpose(m, 0, 1), 1, 1, 2), GR_SHAPE(3))};

    expect_numbers(outer_of(x, 2, p), 40, 50, 60, 4, 5, 6);
    gr_primitive_free(p);
    EXPECT_NO_LEAK();
}

Test(primitive, without_a_derivative_a_gradient_is_an_error)
{
    double scale = 1;
    gr_primitive *p = gr_primitive_new("outer", 2, outer, NULL, &scale);
    gr_tensor *x[] = {tensor(GR_F64, GR_SHAPE(1), 2), tensor(GR_F64, GR_SHAPE(1), 3)}, *g[2];
    gr_tensor *y = gr_sum(outer_of(x, 2, p), GR_ALL_AXES, false);

    cr_assert_not(gr_gradients(y, x, 2, g));
    cr_assert(gr_is_error(g[0]) && gr_is_error(g[1]));
    expect_error(
        GR_ERROR_STATE,
        "outer: has no derivative; give gr_primitive_new one, or cut the gradient off with "
        "gr_detach");
    cr_assert(gr_gradients(gr_detach(y), x, 2, g));
    expect_numbers(g[0], 0);
    gr_primitive_free(p);
    EXPECT_NO_LEAK();
}

Test(primitive, numbers_that_are_refused_make_an_error_tensor)
{
    double scale = 1;
    gr_primitive *p = gr_primitive_new("outer", 2, outer, outer_rule, &scale);
    gr_tensor *x[] = {tensor(GR_F64, GR_SHAPE(2), 2, -1), tensor(GR_F64, GR_SHAPE(1), 3)};
    gr_tensor *y = outer_of(x, 2, p);

    cr_assert(!gr_is_error(y));
    cr_assert(isnan(gr_item(gr_sum(y, GR_ALL_AXES, false))));
    cr_assert(gr_is_error(y));
    cr_assert(strncmp(gr_error_message(), "outer: got a negative number, want none (made ", 46) ==
                  0,
              "%s", gr_error_message());
    gr_error_clear();
    gr_primitive_free(p);
    EXPECT_NO_LEAK();
}

Test(primitive, what_is_refused)
{
    double scale = 1;
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(1), 2);
    gr_primitive *p = gr_primitive_new("outer", 4, outer, NULL, &scale);

    expect_error(GR_ERROR_VALUE, "gr_primitive_new: inputs: got 4, want 1 to 3");
    cr_assert(gr_is_error(gr_apply(p, &x, GR_F64, GR_SCALAR)));
    gr_primitive_free(p);
    expect_ok();
    gr_primitive_new(NULL, 1, outer, NULL, NULL);
    expect_error(GR_ERROR_VALUE, "gr_primitive_new: name: got NULL, want a name");
    gr_primitive_new("outer", 1, NULL, NULL, NULL);
    expect_error(GR_ERROR_VALUE, "gr_primitive_new: forward: got NULL, want a function");
    cr_assert(gr_is_error(gr_apply(NULL, &x, GR_F64, GR_SCALAR)));
    expect_error(GR_ERROR_VALUE, "gr_apply: primitive: got NULL, want a primitive");
    p = gr_primitive_new("outer", 2, outer, outer_rule, &scale);
    cr_assert(gr_is_error(gr_apply(p, NULL, GR_F64, GR_SCALAR)));
    expect_error(GR_ERROR_VALUE, "gr_apply: inputs: got NULL, want an array");
    cr_assert(gr_is_error(gr_apply(p, (gr_tensor *[]){x, NULL}, GR_F64, GR_SCALAR)));
    expect_error(GR_ERROR_VALUE, "outer: inputs[1]: got NULL, want a tensor");
    cr_assert(gr_is_error(gr_apply(p, (gr_tensor *[]){x, x}, GR_F64, GR_SHAPE(-1))));
    expect_error(GR_ERROR_SHAPE, "outer: shape: axis 0: got -1, want 0 or more");
    gr_primitive_free(p);
    gr_primitive_free(NULL);
    EXPECT_NO_LEAK();
}
