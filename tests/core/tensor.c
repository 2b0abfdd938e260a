/* Tensors: making them from numbers, asking and looking. */
#include "tests/common/check.h"

#include "src/core/tensor.h"

/* ---- dtypes ---- */

Test(tensor, dtypes)
{
    cr_assert_str_eq(gr_dtype_name(GR_F32), "f32");
    cr_assert_str_eq(gr_dtype_name(GR_F64), "f64");
    cr_assert_str_eq(gr_dtype_name(GR_I64), "i64");
    cr_assert_eq(gr_dtype_size(GR_F32), 4);
    cr_assert_eq(gr_dtype_size(GR_F64), 8);
    cr_assert_eq(gr_dtype_size(GR_I64), 8);
    cr_assert_eq(gr_dtype_size((gr_dtype)77), 0);
}

Test(tensor, default_dtype, .init = silence)
{
    cr_assert_eq(gr_default_dtype(), GR_F32);
    cr_assert_eq(gr_dtype_of(gr_zeros(GR_SHAPE(2))), GR_F32);
    cr_assert(gr_set_default_dtype(GR_F64));
    cr_assert_eq(gr_default_dtype(), GR_F64);
    cr_assert_eq(gr_dtype_of(gr_zeros(GR_SHAPE(2))), GR_F64);
    cr_assert_eq(gr_dtype_of(gr_ones(GR_SHAPE(2))), GR_F64);
    cr_assert_not(gr_set_default_dtype(GR_I64));
    expect_error(GR_ERROR_DTYPE, "gr_set_default_dtype: dtype: got i64, want f32 or f64");
    cr_assert_eq(gr_default_dtype(), GR_F64);
    cr_assert_not(gr_set_default_dtype((gr_dtype)9));
    expect_error(GR_ERROR_DTYPE, "gr_set_default_dtype: dtype: got unknown dtype, want f32 or f64");
}

/* ---- making ---- */

Test(tensor, from_data_copies_at_once)
{
    float f[] = {1.5f, -2.5f, 3.25f, 4, 5, 6};
    int64_t i[] = {INT64_MIN, 0, INT64_MAX};

    gr_tensor *x = gr_from_data(GR_F32, GR_SHAPE(2, 3), f),
              *y = gr_from_data(GR_I64, GR_SHAPE(3), i);
    memset(f, 0, sizeof f);
    memset(i, 0, sizeof i);
    expect_numbers(x, 1.5, -2.5, 3.25, 4, 5, 6);
    cr_assert_eq(gr_data_i64(y)[0], INT64_MIN);
    cr_assert_eq(gr_data_i64(y)[2], INT64_MAX);
    cr_assert_eq((uintptr_t)gr_data(x) % 64, 0);
}

Test(tensor, borrow_does_not_copy)
{
    double mine[] = {1, 2, 3};
    gr_tensor *x = gr_borrow(GR_F64, GR_SHAPE(3), mine);

    cr_assert_eq(gr_data(x), (const void *)mine);
    expect_numbers(gr_mul(x, 2), 2, 4, 6);
    cr_assert_eq(mine[1], 2);
}

Test(tensor, from_nothing)
{
    gr_tensor *x = gr_from_data(GR_F32, GR_SHAPE(0, 3), NULL);
    gr_tensor *y = gr_borrow(GR_F64, GR_SHAPE(2, 0), NULL);

    cr_assert_eq(gr_count(x), 0);
    cr_assert_eq(gr_item(gr_sum(x, GR_ALL_AXES, false)), 0);
    expect_numbers(gr_sum(x, GR_AXES(0), false), 0, 0, 0);
    expect_numbers(gr_sum(y, GR_AXES(1), false), 0, 0);
    cr_assert_eq(gr_count(gr_add(y, 1)), 0);
    cr_assert_eq(gr_count(gr_keep(y)), 0);
    cr_assert(gr_data(gr_mul(x, 2)));
    expect_ok();
}

Test(tensor, from_data_refuses, .init = silence)
{
    double one = 1;

    cr_assert(gr_is_error(gr_from_data(GR_F64, GR_SHAPE(2), NULL)));
    expect_error(GR_ERROR_VALUE, "gr_from_data: data: got NULL, want 2 elements");
    cr_assert(gr_is_error(gr_borrow(GR_F64, GR_SHAPE(2, 2), NULL)));
    expect_error(GR_ERROR_VALUE, "gr_borrow: data: got NULL, want 4 elements");
    cr_assert(gr_is_error(gr_from_data((gr_dtype)5, GR_SCALAR, &one)));
    expect_error(GR_ERROR_DTYPE, "gr_from_data: dtype: got 5, want GR_F32, GR_F64 or GR_I64");
    cr_assert(gr_is_error(gr_from_data(GR_F64, GR_SHAPE(-1), &one)));
    expect_error(GR_ERROR_SHAPE, "gr_from_data: shape: axis 0: got -1, want 0 or more");
}

Test(tensor, constants)
{
    expect_numbers(gr_full(GR_F32, GR_SHAPE(3), 0.5), 0.5, 0.5, 0.5);
    expect_numbers(gr_full(GR_F64, GR_SCALAR, 0.1), 0.1);
    expect_numbers(gr_full(GR_I64, GR_SHAPE(2), -7), -7, -7);
    expect_numbers(gr_zeros(GR_SHAPE(2)), 0, 0);
    expect_numbers(gr_ones(GR_SHAPE(2)), 1, 1);
    cr_assert(isnan(gr_item(gr_full(GR_F32, GR_SCALAR, NAN))));
    cr_assert_eq(gr_item(gr_full(GR_F64, GR_SCALAR, -INFINITY)), -INFINITY);
    expect_ok();
}

Test(tensor, arange)
{
    expect_numbers(gr_arange(GR_F64, 4, 1, 0.25), 1, 1.25, 1.5, 1.75);
    expect_numbers(gr_arange(GR_F32, 3, 0, -1), 0, -1, -2);
    expect_numbers(gr_arange(GR_I64, 3, -1, 2), -1, 1, 3);
    cr_assert_eq(gr_count(gr_arange(GR_I64, 0, 0, 1)), 0);
    gr_tensor *t = gr_arange(GR_I64, 100000, 5, 3); /* over several blocks and threads */
    const int64_t *data = gr_data_i64(t);
    for (int64_t i = 0; i < 100000; i++) {
        if (data[i] != 5 + 3 * i) {
            cr_assert_eq(data[i], 5 + 3 * i, "element %lld", (long long)i);
        }
    }
}

Test(tensor, whole_numbers_that_fit, .init = silence)
{
    cr_assert(gr_is_error(gr_full(GR_I64, GR_SHAPE(2), 0.5)));
    expect_error(GR_ERROR_VALUE,
                 "gr_full: got 0.5, want whole numbers that fit i64; use GR_F64 for others");
    cr_assert(gr_is_error(gr_arange(GR_I64, 3, 0, 0.5)));
    expect_error(GR_ERROR_VALUE,
                 "gr_arange: got 0.5, want whole numbers that fit i64; use GR_F64 for others");
    cr_assert(gr_is_error(gr_full(GR_I64, GR_SHAPE(2), NAN)));
    cr_assert_eq(gr_error_code(), GR_ERROR_VALUE);
    gr_error_clear();
    cr_assert(gr_is_error(gr_full(GR_I64, GR_SHAPE(2), 0x1p63)));
    cr_assert_eq(gr_error_code(), GR_ERROR_VALUE);
    gr_error_clear();
    cr_assert(gr_is_error(gr_arange(GR_I64, 3, 0x1p62, 0x1p62)));
    gr_error_clear();
    cr_assert(gr_is_error(gr_arange(GR_I64, -1, 0, 1)));
    expect_error(GR_ERROR_VALUE, "gr_arange: n: got -1, want 0 or more");
    cr_assert_eq(gr_data_i64(gr_full(GR_I64, GR_SHAPE(1), -0x1p62))[0], -((int64_t)1 << 62));
}

/* ---- asking ---- */

Test(tensor, shape_questions)
{
    gr_tensor *x = gr_zeros(GR_SHAPE(2, 1, 5));
    gr_shape s = gr_shape_of(x);

    cr_assert_eq(s.rank, 3);
    cr_assert(s.dims[0] == 2 && s.dims[1] == 1 && s.dims[2] == 5);
    cr_assert_eq(gr_rank(x), 3);
    cr_assert_eq(gr_count(x), 10);
    cr_assert_eq(gr_dim(x, 0), 2);
    cr_assert_eq(gr_dim(x, -1), 5);
    cr_assert_eq(gr_dim(x, -3), 2);
    cr_assert_eq(gr_rank(gr_full(GR_F32, GR_SCALAR, 1)), 0);
    cr_assert_eq(gr_work_stats().scheduled, 0, "asking computes nothing");
}

/* ---- looking ---- */

Test(tensor, item, .init = silence)
{
    cr_assert_eq(gr_item(tensor(GR_F32, GR_SCALAR, 0.5)), 0.5);
    cr_assert_eq(gr_item(tensor(GR_F64, GR_SHAPE(1, 1, 1), -0.1)), -0.1);
    cr_assert_eq(gr_item(tensor(GR_I64, GR_SHAPE(1), 1 << 30)), 1 << 30);
    cr_assert_eq(gr_item(gr_slice(tensor(GR_F64, GR_SHAPE(4), 1, 2, 3, 4), 0, 2, 3)), 3);
    cr_assert_eq(
        gr_item(gr_slice(gr_flip(tensor(GR_F64, GR_SHAPE(4), 1, 2, 3, 4), GR_AXES(0)), 0, 0, 1)),
        4);
    expect_ok();
    cr_assert(isnan(gr_item(gr_zeros(GR_SHAPE(2)))));
    expect_error(GR_ERROR_SHAPE, "gr_item: t: got (2), want one element");
    cr_assert(isnan(gr_item(gr_zeros(GR_SHAPE(0)))));
    expect_error(GR_ERROR_SHAPE, "gr_item: t: got (0), want one element");
}

Test(tensor, data_is_in_logical_order_for_any_view)
{
    gr_tensor *x = tensor(GR_F32, GR_SHAPE(2, 3), 1, 2, 3, 4, 5, 6);

    expect_numbers(gr_transpose(x, 0, 1), 1, 4, 2, 5, 3, 6);
    expect_numbers(gr_slice(x, 1, 1, 3), 2, 3, 5, 6);
    expect_numbers(gr_slice(x, 0, 1, 2), 4, 5, 6);
    expect_numbers(gr_flip(x, GR_AXES(1)), 3, 2, 1, 6, 5, 4);
    expect_numbers(gr_flip(x, GR_AXES(0, 1)), 6, 5, 4, 3, 2, 1);
    expect_numbers(gr_expand(gr_slice(x, 1, 0, 1), GR_SHAPE(2, 2)), 1, 1, 4, 4);
    expect_numbers(gr_expand(x, GR_SHAPE(2, 2, 3)), 1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6);
    expect_numbers(gr_reshape(gr_transpose(x, 0, 1), GR_SHAPE(6)), 1, 4, 2, 5, 3, 6);
    expect_numbers(gr_reshape(gr_flip(gr_transpose(x, 0, 1), GR_AXES(0)), GR_SHAPE(2, 3)), 3, 6, 2,
                   5, 1, 4);
    cr_assert_eq(gr_count(gr_slice(x, 1, 2, 1)), 0);
    expect_ok();
}

/* Slices with whole rows are where they were. */
Test(tensor, contiguous_views_share_memory)
{
    gr_tensor *x = noise_tensor(GR_F64, GR_SHAPE(4, 5), 1);
    const double *data = gr_data_f64(x);

    cr_assert_eq(gr_data_f64(gr_slice(x, 0, 1, 3)), data + 5);
    cr_assert_eq(gr_data_f64(gr_reshape(x, GR_SHAPE(20))), data);
    cr_assert_eq(gr_data_f64(gr_unsqueeze(x, 1)), data);
    cr_assert_eq(gr_data_f64(gr_detach(x)), data);
    cr_assert_eq(gr_data_f64(x), data);
}

Test(tensor, data_stays_until_the_scope_ends)
{
    GR_SCOPE;
    gr_tensor *x = noise_tensor(GR_F64, GR_SHAPE(100), 1);
    const double *turned = gr_data_f64(gr_flip(x, GR_AXES(0)));

    for (int i = 0; i < 1000; i++) {
        gr_item(gr_sum(gr_mul(x, i), GR_ALL_AXES, false));
    }
    cr_assert_eq(turned[99], gr_data_f64(x)[0]);
}

Test(tensor, data_checks_the_dtype, .init = silence)
{
    gr_tensor *x = gr_zeros(GR_SHAPE(2));

    cr_assert(gr_data_f32(x));
    cr_assert_null(gr_data_f64(x));
    expect_error(GR_ERROR_DTYPE, "gr_data_f64: t: got f32, want f64; convert with gr_cast");
    cr_assert_null(gr_data_i64(x));
    expect_error(GR_ERROR_DTYPE, "gr_data_i64: t: got f32, want i64; convert with gr_cast");
}

Test(tensor, null_is_an_error_everywhere, .init = silence)
{
    gr_tensor *x = gr_zeros(GR_SHAPE(2)), *none = NULL;

    cr_assert(gr_is_error(gr_neg(NULL)));
    expect_error(GR_ERROR_VALUE, "gr_neg: x: got NULL, want a tensor");
    cr_assert(gr_is_error(gr_sum(NULL, GR_ALL_AXES, false)));
    expect_error(GR_ERROR_VALUE, "gr_sum: x: got NULL, want a tensor");
    cr_assert(gr_is_error(gr_reshape(NULL, GR_SHAPE(2))));
    expect_error(GR_ERROR_VALUE, "gr_reshape: x: got NULL, want a tensor");
    cr_assert(gr_is_error(gr_matmul(x, NULL)));
    expect_error(GR_ERROR_VALUE, "gr_matmul: b: got NULL, want a tensor");
    cr_assert(gr_is_error(gr_keep(NULL)));
    expect_error(GR_ERROR_VALUE, "gr_keep: t: got NULL, want a tensor");
    cr_assert(isnan(gr_item(NULL)));
    expect_error(GR_ERROR_VALUE, "gr_item: t: got NULL, want a tensor");
    cr_assert_null(gr_data(NULL));
    expect_error(GR_ERROR_VALUE, "gr_data: t: got NULL, want a tensor");
    cr_assert_null(gr_data_f32(NULL));
    expect_error(GR_ERROR_VALUE, "gr_data_f32: t: got NULL, want a tensor");
    cr_assert_not(gr_eval(1, &none));
    expect_error(GR_ERROR_VALUE, "gr_eval: tensors: got NULL, want a tensor");
    cr_assert_eq(gr_count(NULL), 1);
    expect_error(GR_ERROR_VALUE, "gr_count: t: got NULL, want a tensor");
    cr_assert(gr_is_error(NULL));
    expect_error(GR_ERROR_VALUE, "gr_is_error: t: got NULL, want a tensor");
    cr_assert_not(gr_backward(NULL, NULL));
    expect_error(GR_ERROR_VALUE, "gr_backward: loss: got NULL, want a tensor");
    cr_assert(gr_is_error(gr_param(NULL, "x", x)));
    expect_error(GR_ERROR_VALUE, "gr_param: params: got NULL, want a gr_params");
}

Test(tensor, dtypes_do_not_mix, .init = silence)
{
    gr_tensor *f = tensor(GR_F32, GR_SHAPE(1), 1), *d = tensor(GR_F64, GR_SHAPE(1), 1);
    gr_tensor *i = tensor(GR_I64, GR_SHAPE(1), 1);

    cr_assert(gr_is_error(gr_add(f, d)));
    expect_error(GR_ERROR_DTYPE,
                 "gr_add: b: got f64, want f32 as the other operand; convert with gr_cast");
    cr_assert(gr_is_error(gr_exp(i)));
    expect_error(GR_ERROR_DTYPE, "gr_exp: x: got i64, want f32 or f64; convert with gr_cast");
    cr_assert(gr_is_error(gr_add(i, 0.5)));
    expect_error(GR_ERROR_DTYPE,
                 "gr_add: b: got 0.5 beside i64, want a whole number; convert the tensor with "
                 "gr_cast");
    cr_assert(gr_is_error(gr_add(1.0, 2.0)));
    expect_error(GR_ERROR_VALUE, "gr_add: got numbers only, want at least one tensor");
    expect_numbers(gr_add(gr_cast(f, GR_F64), d), 2);
    expect_numbers(gr_add(i, 2), 3);
    expect_numbers(gr_sub(1, d), 0);
}

/* A whole number beside GR_I64 makes no node. */
Test(tensor, numbers_make_no_node)
{
    gr_tensor *x = tensor(GR_F32, GR_SHAPE(2), 1, 2);
    int64_t before = gr_work_stats().nodes;

    gr_tensor *y = gr_mul(gr_add(x, 1), 2.0);
    cr_assert_eq(gr_work_stats().nodes, before + 2);
    expect_numbers(y, 4, 6);
}

/* ---- cells ---- */

Test(tensor, cells_are_looked_at_like_tensors)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", tensor(GR_F64, GR_SHAPE(2), 3, 5));
    gr_tensor *b = gr_param(params, "b", tensor(GR_F32, GR_SCALAR, 2));

    cr_assert_eq(gr_count(w), 2);
    cr_assert_eq(gr_dtype_of(w), GR_F64);
    cr_assert_eq(gr_data_f64(w)[1], 5);
    cr_assert_eq(gr_item(b), 2);
    cr_assert(gr_eval(2, (gr_tensor *[]){w, b}));
    cr_assert_not(gr_is_error(w));
    cr_assert(gr_assign(b, gr_add(b, 1)));
    cr_assert_eq(gr_item(b), 3);
    cr_assert(gr_eval(1, &b));
    cr_assert_eq(gr_item(b), 3);
    gr_params_free(params);
    EXPECT_NO_LEAK();
}

Test(tensor, node_fits_its_budget)
{
    cr_assert_leq(sizeof(gr_tensor), 128);
}
