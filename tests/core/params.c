/* Sets of cells: names, groups, listing. */
#include "tests/common/check.h"

static gr_tensor *pair(double a, double b)
{
    return tensor(GR_F64, GR_SHAPE(2), a, b);
}

/* Rows that pending indices name: what is wrong with them shows when they are computed. */
static gr_tensor *taken(double i, double j)
{
    return gr_take(pair(1, 2), 0, gr_add(tensor(GR_I64, GR_SHAPE(2), i, j), 0));
}

/* ---- sets ---- */

Test(params, listed_in_the_order_they_were_made)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", pair(1, 2));
    gr_tensor *s = gr_state(params, "s", tensor(GR_I64, GR_SCALAR, 3));

    cr_assert_eq(gr_params_count(params), 2);
    cr_assert_eq(gr_params_at(params, 0), w);
    cr_assert_eq(gr_params_at(params, 1), s);
    cr_assert_str_eq(gr_params_name(params, 0), "w");
    cr_assert_str_eq(gr_params_name(params, 1), "s");
    cr_assert_eq(gr_params_find(params, "s"), s);
    cr_assert_null(gr_params_find(params, "x"));
    cr_assert_eq(gr_params_elements(params), 2);
    cr_assert(gr_is_trained(w));
    cr_assert_not(gr_is_trained(s));
    cr_assert_not(gr_is_trained(pair(1, 2)));
    gr_params_free(params);
    gr_thread_end();
    EXPECT_NO_LEAK();
}

Test(params, cells_copy_their_value)
{
    double mine[2] = {1, 2};
    gr_params *params = gr_params_new();
    gr_tensor *w, *v;
    {
        GR_SCOPE;
        w = gr_param(params, "w", gr_borrow(GR_F64, GR_SHAPE(2), mine));
        v = gr_param(params, "v", gr_transpose(noise_tensor(GR_F32, GR_SHAPE(3, 4), 1), 0, 1));
    }
    mine[0] = 77;
    expect_numbers(w, 1, 2);
    cr_assert_eq(gr_dim(v, 0), 4);
    cr_assert_eq(gr_data_f32(v)[1], (float)noise(1000003 + 4));
    gr_params_free(params);
    gr_thread_end();
    EXPECT_NO_LEAK();
}

Test(params, refusals, .init = silence)
{
    gr_params *params = gr_params_new();
    gr_param(params, "w", pair(1, 2));

    cr_assert(gr_is_error(gr_param(params, "w", pair(1, 2))));
    expect_error(GR_ERROR_VALUE, "gr_param: name: \"w\" is taken");
    cr_assert(gr_is_error(gr_state(params, "w", pair(1, 2))));
    expect_error(GR_ERROR_VALUE, "gr_state: name: \"w\" is taken");
    cr_assert(gr_is_error(gr_param(params, "", pair(1, 2))));
    expect_error(GR_ERROR_VALUE, "gr_param: name: got none, want a name");
    cr_assert(gr_is_error(gr_param(params, NULL, pair(1, 2))));
    expect_error(GR_ERROR_VALUE, "gr_param: name: got none, want a name");
    cr_assert(gr_is_error(gr_param(params, "i", tensor(GR_I64, GR_SHAPE(1), 1))));
    expect_error(GR_ERROR_DTYPE,
                 "gr_param: value: got i64, want f32 or f64; gr_state takes what is not trained");
    cr_assert(gr_is_error(gr_param(params, "x", NULL)));
    expect_error(GR_ERROR_VALUE, "gr_param: value: got NULL, want a tensor");
    cr_assert(gr_is_error(gr_params_at(params, 1)));
    expect_error(GR_ERROR_VALUE, "gr_params_at: index: got 1, want 0 to 0");
    cr_assert_str_eq(gr_params_name(params, -1), "");
    expect_error(GR_ERROR_VALUE, "gr_params_name: index: got -1, want 0 to 0");
    cr_assert_eq(gr_params_count(NULL), 0);
    expect_error(GR_ERROR_VALUE, "gr_params_count: params: got NULL, want a gr_params");
    cr_assert_eq(gr_params_count(params), 1);
    gr_params_free(params);
    gr_params_free(NULL);
    expect_ok();
    gr_thread_end();
    EXPECT_NO_LEAK();
}

Test(params, a_value_that_cannot_be_computed_makes_no_cell, .init = silence)
{
    gr_params *params = gr_params_new();
    gr_tensor *bad = taken(0, 2);

    cr_assert(gr_is_error(gr_param(params, "w", bad)));
    cr_assert_eq(gr_error_code(), GR_ERROR_VALUE);
    gr_error_clear();
    cr_assert_eq(gr_params_count(params), 0);
    gr_params_free(params);
}

Test(params, groups_are_listed_in_their_parents)
{
    gr_params *all = gr_params_new(), *g = gr_params_group(all, "generator");
    gr_params *inner = gr_params_group(g, "first");
    gr_tensor *a = gr_param(all, "a", pair(1, 2)), *b = gr_param(g, "b", pair(3, 4));
    gr_tensor *c = gr_param(inner, "c", pair(5, 6));

    cr_assert_eq(gr_params_count(all), 3);
    cr_assert_eq(gr_params_count(g), 2);
    cr_assert_eq(gr_params_count(inner), 1);
    cr_assert_str_eq(gr_params_name(all, 0), "a");
    cr_assert_str_eq(gr_params_name(all, 1), "generator.b");
    cr_assert_str_eq(gr_params_name(all, 2), "generator.first.c");
    cr_assert_str_eq(gr_params_name(g, 1), "first.c");
    cr_assert_str_eq(gr_params_name(inner, 0), "c");
    cr_assert_eq(gr_params_find(all, "generator.first.c"), c);
    cr_assert_eq(gr_params_find(g, "first.c"), c);
    cr_assert_eq(gr_params_find(all, "a"), a);
    cr_assert_eq(gr_params_at(g, 0), b);
    cr_assert_eq(gr_params_elements(all), 6);
    expect_ok();
    gr_params_free(all);
    gr_thread_end();
    EXPECT_NO_LEAK();
}

Test(params, group_refusals, .init = silence)
{
    gr_params *all = gr_params_new(), *g = gr_params_group(all, "g");

    gr_params *twice = gr_params_group(all, "g");
    cr_assert(twice);
    expect_error(GR_ERROR_VALUE, "gr_params_group: name: \"g\" is taken");
    cr_assert(gr_is_error(gr_param(twice, "w", pair(1, 2))), "what is given an error object fails");
    expect_ok();
    cr_assert_eq(gr_params_count(twice), 0);
    gr_params_free(twice);
    expect_ok();
    cr_assert(gr_params_group(all, ""));
    expect_error(GR_ERROR_VALUE, "gr_params_group: name: got none, want a name");
    cr_assert(gr_params_group(NULL, "g"));
    expect_error(GR_ERROR_VALUE, "gr_params_group: params: got NULL, want a gr_params");
    gr_params_free(g);
    expect_error(GR_ERROR_STATE,
                 "gr_params_free: params: the group \"g\" is freed with the set it belongs to");
    gr_params_free(all);
    gr_thread_end();
}
