/* Products with derivatives against closed forms and against each other. */
#include "tests/common/check.h"

TestSuite(derivatives, .init = silence);

static gr_tensor *total(const gr_tensor *x)
{
    return gr_sum(x, GR_ALL_AXES, false);
}

/* y = (a b, e^a) of a = (1,2), b = (3,-1) */
static gr_tensor *curve(gr_tensor *a, gr_tensor *b)
{
    return gr_add(gr_mul(a, b), gr_exp(a));
}

Test(derivatives, vjp_is_a_row_of_the_jacobian)
{
    gr_tensor *a = tensor(GR_F64, GR_SHAPE(2), 1, 2), *b = tensor(GR_F64, GR_SHAPE(2), 3, -1);
    gr_tensor *v = tensor(GR_F64, GR_SHAPE(2), 10, 100), *g[2];

    cr_assert(gr_vjp(curve(a, b), v, (gr_tensor *[]){a, b}, 2, g), "%s", gr_error_message());
    expect_near(g[0], 2, ((double[]){10 * (3 + exp(1)), 100 * (-1 + exp(2))}), 1e-15);
    expect_numbers(g[1], 10, 200);
    EXPECT_NO_LEAK();
}

Test(derivatives, vjp_of_ones_is_the_gradient_of_the_sum)
{
    gr_tensor *x = noise_tensor(GR_F64, GR_SHAPE(3, 4), 1), *g, *h;
    gr_tensor *y = gr_mul(gr_softmax(x, GR_AXES(1)), gr_tanh(x));
    gr_tensor *ones = gr_full(GR_F64, GR_SHAPE(3, 4), 1);

    cr_assert(gr_vjp(y, ones, &x, 1, &g) && gr_gradients(total(y), &x, 1, &h));
    expect_bits(GR_F64, 12, gr_data(g), gr_data(h), "vjp");
    EXPECT_NO_LEAK();
}

Test(derivatives, jvp_is_a_sum_of_columns)
{
    gr_tensor *a = tensor(GR_F64, GR_SHAPE(2), 1, 2), *b = tensor(GR_F64, GR_SHAPE(2), 3, -1);
    gr_tensor *va = tensor(GR_F64, GR_SHAPE(2), 10, 0), *vb = tensor(GR_F64, GR_SHAPE(2), 1, 100);
    gr_tensor *d = gr_jvp(curve(a, b), (gr_tensor *[]){a, b}, (gr_tensor *[]){va, vb}, 2);

    expect_near(d, 2, ((double[]){10 * (3 + exp(1)) + 1, 200}), 1e-15);
    EXPECT_NO_LEAK();
}

/* d/dt f(x + t v) of each element; and again. */
Test(derivatives, jvp_of_jvp_is_the_second_derivative_along_a_line)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(3), 0.5, -1, 2),
              *v = tensor(GR_F64, GR_SHAPE(3), 1, 2, 3);
    gr_tensor *first = gr_jvp(gr_sin(x), &x, &v, 1), *second = gr_jvp(first, &x, &v, 1);

    expect_near(first, 3, ((double[]){cos(0.5), 2 * cos(1), 3 * cos(2)}), 1e-15);
    expect_near(second, 3, ((double[]){-sin(0.5), -4 * sin(-1), -9 * sin(2)}), 1e-15);
    EXPECT_NO_LEAK();
}

Test(derivatives, jvp_of_what_does_not_depend_on_x_is_zero)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2), 1, 2), *v = tensor(GR_F64, GR_SHAPE(2), 1, 1);

    expect_numbers(gr_jvp(tensor(GR_F64, GR_SHAPE(3), 5, 6, 7), &x, &v, 1), 0, 0, 0);
    expect_numbers(gr_jvp(gr_floor(x), &x, &v, 1), 0, 0);
    expect_ok();
    EXPECT_NO_LEAK();
}

/* f = a^2 b: H = (2b 2a; 2a 0) */
Test(derivatives, hvp_crosses_inputs)
{
    gr_tensor *a = tensor(GR_F64, GR_SCALAR, 3), *b = tensor(GR_F64, GR_SCALAR, 5);
    gr_tensor *va = tensor(GR_F64, GR_SCALAR, 1), *vb = tensor(GR_F64, GR_SCALAR, 10), *h[2];

    cr_assert(
        gr_hvp(gr_mul(gr_square(a), b), (gr_tensor *[]){a, b}, (gr_tensor *[]){va, vb}, 2, h));
    expect_numbers(h[0], 10 + 60);
    expect_numbers(h[1], 6);
    EXPECT_NO_LEAK();
}

Test(derivatives, a_cell_is_a_target)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", tensor(GR_F64, GR_SHAPE(2), 2, 3));
    gr_tensor *v = tensor(GR_F64, GR_SHAPE(2), 1, -1), *h;

    cr_assert(gr_hvp(total(gr_mul(gr_square(w), w)), &w, &v, 1, &h), "%s", gr_error_message());
    expect_numbers(h, 12, -18);
    expect_numbers(gr_jvp(gr_square(w), &w, &v, 1), 4, -6);
    gr_params_free(params);
    EXPECT_NO_LEAK();
}

/* ---- whole matrices ---- */

/* (a b, b^2, a) by (a, b) = (2, 3) */
static gr_tensor *three_of_two(gr_tensor *x)
{
    gr_tensor *a = gr_slice(x, 0, 0, 1), *b = gr_slice(x, 0, 1, 2);

    return gr_concat(GR_LIST(gr_mul(a, b), gr_square(b), a), 0);
}

Test(derivatives, jacobian_by_columns_and_by_rows)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2), 2, 3);
    gr_tensor *tall = gr_jacobian(three_of_two(x), x);
    gr_tensor *wide = gr_jacobian(total(three_of_two(x)), x);

    cr_assert(gr_same_shape(gr_shape_of(tall), GR_SHAPE(3, 2)));
    expect_numbers(tall, 3, 2, 0, 6, 1, 0);
    cr_assert(gr_same_shape(gr_shape_of(wide), GR_SHAPE(2)));
    expect_numbers(wide, 4, 8);
    EXPECT_NO_LEAK();
}

/* H v is a product with whatever v is made from; it can be differentiated by v: f = a^3, H v = 6 a v. */
Test(derivatives, hvp_along_what_depends_on_the_input)
{
    gr_tensor *a = tensor(GR_F64, GR_SHAPE(2), 2, 3), *f = total(gr_mul(gr_square(a), a));
    gr_tensor *v = gr_square(a), *h, *g;

    cr_assert(gr_hvp(f, &a, &a, 1, &h));
    expect_numbers(h, 24, 54);
    cr_assert(gr_hvp(f, &a, &v, 1, &h));
    expect_numbers(h, 48, 162);
    cr_assert(gr_gradients(total(h), &v, 1, &g));
    expect_numbers(g, 12, 18);
    cr_assert(gr_gradients(total(h), &a, 1, &g)); /* 6 a a^2 */
    expect_numbers(g, 72, 162);
    EXPECT_NO_LEAK();
}

/* What is differentiated on the way has a history; the results have none. */
Test(derivatives, numbers_are_the_same_without_a_history)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2), 2, 3), *v = tensor(GR_F64, GR_SHAPE(2), 1, 10), *h;
    gr_tensor *y = gr_mul(gr_square(x), x), *three = three_of_two(x), *sum = total(y), *g;

    {
        GR_NO_GRAD;
        expect_numbers(gr_jvp(y, &x, &v, 1), 12, 270);
        cr_assert(gr_hvp(sum, &x, &v, 1, &h));
        expect_numbers(h, 12, 180);
        expect_numbers(gr_jacobian(three, x), 3, 2, 0, 6, 1, 0);
        expect_numbers(gr_hessian(sum, x), 12, 0, 0, 18);
    }
    cr_assert(gr_gradients(total(h), &x, 1, &g));
    expect_numbers(g, 0, 0);
    EXPECT_NO_LEAK();
}

Test(derivatives, dtypes_may_differ)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2), 2, 3), *f = tensor(GR_F32, GR_SHAPE(2), 5, 7);
    gr_tensor *y = gr_mul(gr_square(x), gr_cast(f, GR_F64)), *xs[] = {x, f}, *h[2];
    gr_tensor *single = gr_cast(gr_square(x), GR_F32);

    expect_numbers(gr_jvp(y, xs, xs, 2), 60, 189);
    cr_assert(gr_hvp(total(y), xs, xs, 2, h), "%s", gr_error_message());
    expect_numbers(h[0], 40, 84);
    expect_numbers(h[1], 8, 18);
    cr_assert_eq(gr_dtype_of(h[1]), GR_F32);
    cr_assert_eq(gr_dtype_of(gr_jacobian(single, x)), GR_F64);                    /* by columns */
    cr_assert_eq(gr_dtype_of(gr_jacobian(gr_slice(single, 0, 0, 1), x)), GR_F64); /* by rows */
    EXPECT_NO_LEAK();
}

/* Rows and columns agree, and each has the shape of both. */
Test(derivatives, jacobian_of_matrices)
{
    gr_tensor *x = noise_tensor(GR_F64, GR_SHAPE(2, 3), 1),
              *w = noise_tensor(GR_F64, GR_SHAPE(3, 4), 2);
    gr_tensor *y = gr_tanh(gr_matmul(x, w)), *by_x = gr_jacobian(y, x), *by_w = gr_jacobian(y, w);
    gr_tensor *rows[8];

    cr_assert(gr_same_shape(gr_shape_of(by_x), GR_SHAPE(2, 4, 2, 3)));
    cr_assert(gr_same_shape(gr_shape_of(by_w), GR_SHAPE(2, 4, 3, 4)));
    for (int64_t i = 0; i < 8; i++) {
        gr_tensor *element = gr_slice(gr_reshape(y, GR_SHAPE(8)), 0, i, i + 1);
        cr_assert(gr_gradients(element, &x, 1, &rows[i]));
    }
    gr_tensor *stacked = gr_stack(rows, 8, 0);
    expect_near(by_x, 48, gr_data_f64(stacked), 1e-15);
    EXPECT_NO_LEAK();
}

/* f = sum x^4 / 12 + x0 x1: H = diag(x^2) + the exchange, and d H / d x again. */
Test(derivatives, hessian_and_its_derivative)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2), 2, 3);
    gr_tensor *f = gr_add(gr_div(total(gr_square(gr_square(x))), 12),
                          gr_prod(x, GR_ALL_AXES, false));
    gr_tensor *h = gr_hessian(f, x);

    cr_assert(gr_same_shape(gr_shape_of(h), GR_SHAPE(2, 2)));
    expect_near(h, 4, ((double[]){4, 1, 1, 9}), 1e-15);
    expect_near(gr_jacobian(h, x), 8, ((double[]){4, 0, 0, 0, 0, 0, 0, 6}), 1e-15);
    EXPECT_NO_LEAK();
}

Test(derivatives, jacobian_of_nothing)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2), 2, 3), *none = gr_from_f64(GR_SHAPE(0), NULL);

    cr_assert(gr_same_shape(gr_shape_of(gr_jacobian(none, x)), GR_SHAPE(0, 2)));
    cr_assert(gr_same_shape(gr_shape_of(gr_jacobian(x, none)), GR_SHAPE(2, 0)));
    expect_numbers(gr_jacobian(gr_full(GR_F64, GR_SHAPE(1), 5), x), 0, 0);
    expect_ok();
    EXPECT_NO_LEAK();
}

Test(derivatives, what_is_refused)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2), 1, 2), *wide = tensor(GR_F64, GR_SHAPE(3), 1, 2, 3);
    gr_tensor *single = tensor(GR_F32, GR_SHAPE(2), 1, 2), *y = gr_square(x), *out;

    cr_assert_not(gr_vjp(y, wide, &x, 1, &out));
    cr_assert(gr_is_error(out));
    expect_error(GR_ERROR_SHAPE, "gr_vjp: v: got (3), want (2) as y");
    cr_assert_not(gr_vjp(y, single, &x, 1, &out));
    expect_error(GR_ERROR_DTYPE, "gr_vjp: v: got f32, want f64 as y; convert with gr_cast");
    cr_assert_not(gr_vjp(y, x, &x, 0, &out));
    expect_error(GR_ERROR_VALUE, "gr_vjp: n: got 0, want 1 or more");
    cr_assert_not(gr_vjp(y, x, NULL, 1, &out));
    expect_error(GR_ERROR_VALUE, "gr_vjp: xs: got NULL, want an array");
    cr_assert(gr_is_error(gr_jvp(y, &x, &wide, 1)));
    expect_error(GR_ERROR_SHAPE, "gr_jvp: vs: got (3), want (2) as xs");
    cr_assert(gr_is_error(gr_jvp(y, &x, NULL, 1)));
    expect_error(GR_ERROR_VALUE, "gr_jvp: vs: got NULL, want an array");
    cr_assert_not(gr_hvp(y, &x, &x, 1, &out));
    cr_assert(gr_is_error(out));
    expect_error(GR_ERROR_SHAPE,
                 "gr_hvp: y: got (2), want one element; reduce it with gr_sum or gr_mean");
    cr_assert_not(gr_hvp(total(y), &x, &single, 1, &out));
    expect_error(GR_ERROR_DTYPE, "gr_hvp: vs: got f32, want f64 as xs; convert with gr_cast");
    cr_assert(gr_is_error(gr_hessian(y, x)));
    expect_error(GR_ERROR_SHAPE,
                 "gr_hessian: y: got (2), want one element; reduce it with gr_sum or gr_mean");
    gr_tensor *deep = gr_reshape(x, GR_SHAPE(1, 1, 1, 1, 2));
    cr_assert(gr_is_error(gr_jacobian(deep, deep)));
    expect_error(GR_ERROR_SHAPE,
                 "gr_jacobian: y: got (1,1,1,1,2) for x of (1,1,1,1,2), want no more "
                 "than 8 axes together; reshape them");
    cr_assert(gr_is_error(gr_jacobian(y, NULL)));
    expect_error(GR_ERROR_VALUE, "gr_jacobian: x: got NULL, want a tensor");
    cr_assert(gr_is_error(gr_jacobian(gr_cast(x, GR_I64), x)));
    expect_error(GR_ERROR_DTYPE, "gr_jacobian: y: got i64, want f32 or f64");
    cr_assert(gr_is_error(gr_hessian(total(y), gr_cast(x, GR_I64))));
    expect_error(GR_ERROR_DTYPE, "gr_hessian: x: got i64, want f32 or f64");
    cr_assert(gr_is_error(gr_jvp(y, (gr_tensor *[]){NULL}, &x, 1)));
    expect_error(GR_ERROR_VALUE, "gr_jvp: xs: got NULL, want a tensor");
    cr_assert(gr_is_error(gr_jvp(NULL, &x, &x, 1)));
    expect_error(GR_ERROR_VALUE, "gr_jvp: y: got NULL, want a tensor");
    EXPECT_NO_LEAK();
}
