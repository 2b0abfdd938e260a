/* Arranging beyond the certification table: what many parts cost, lists and lists of results, second
 * derivatives of what is straight through. */
#include "src/eval/eval.h"
#include "tests/common/check.h"

TestSuite(arrange, .init = silence);

enum { PARTS = 50, WIDTH = 4096, WHOLE = PARTS * WIDTH * 8 };

/* Bytes at the peak of computing t, beyond those before. */
static int64_t peak_of(gr_tensor *t)
{
    int64_t before = gr_memory_stats().current;

    gr_memory_reset_peak();
    cr_assert(gr_eval(1, &t), "%s", gr_error_message());
    return gr_memory_stats().peak - before;
}

/* Every part is written once, into one memory: a copy for each part would be there twice. */
Test(arrange, parts_are_joined_in_one_memory)
{
    gr_tensor *parts[PARTS];

    for (int i = 0; i < PARTS; i++) {
        parts[i] = noise_tensor(GR_F64, GR_SHAPE(WIDTH), (uint64_t)i);
    }
    gr_tensor *y = gr_stack(parts, PARTS, 0);
    int64_t peak = peak_of(y);
    cr_assert(peak >= WHOLE && peak < WHOLE * 5 / 4, "%lld bytes", (long long)peak);
    for (int i = 0; i < PARTS; i++) {
        expect_bits(GR_F64, WIDTH, gr_data_f64(y) + i * WIDTH, gr_data(parts[i]), "a part");
    }
    EXPECT_NO_LEAK();
}

/* The gradients of slices are added in one memory; here all of them wait for that, as large together
 * as the whole. A copy for each would be there a third time. */
Test(arrange, slices_of_one_tensor_share_a_gradient)
{
    gr_tensor *x = noise_tensor(GR_F64, GR_SHAPE(PARTS, WIDTH), 1), *parts[PARTS], *sum = NULL, *g;

    cr_assert(gr_unstack(x, 0, parts));
    for (int i = 0; i < PARTS; i++) {
        gr_tensor *term = gr_sum(gr_mul(parts[i], i + 1), GR_ALL_AXES, false);
        sum = sum ? gr_add(sum, term) : term;
    }
    cr_assert(gr_gradients(sum, &x, 1, &g));
    int64_t peak = peak_of(g);
    cr_assert(peak >= WHOLE && peak < WHOLE * 5 / 2, "%lld bytes", (long long)peak);
    for (int i = 0; i < PARTS; i++) {
        cr_assert_eq(gr_data_f64(g)[i * WIDTH], i + 1);
        cr_assert_eq(gr_data_f64(g)[(i + 1) * WIDTH - 1], i + 1);
    }
    EXPECT_NO_LEAK();
}

/* A gradient that others still read keeps its numbers when a slice's is added to it: dL/d(x + z) is
 * x's first part, to which the slice's is added, and is read once more for y. */
Test(arrange, gradients_of_others_stay)
{
    for (int fusing = 0; fusing <= 1; fusing++) {
        gr__set_fusing(fusing);
        gr_tensor *x = tensor(GR_F64, GR_SHAPE(4), 1, 2, 3, 4), *g[2];
        gr_tensor *y = tensor(GR_F64, GR_SHAPE(4), 5, 6, 7, 8), *z = gr_square(y);
        gr_tensor *part = gr_mul(gr_slice(x, 0, 1, 3), 5);
        gr_tensor *sum = gr_add(gr_sum(gr_square(gr_add(x, z)), GR_ALL_AXES, false),
                                gr_sum(part, GR_ALL_AXES, false));

        cr_assert(gr_gradients(sum, (gr_tensor *[]){x, y}, 2, g));
        cr_assert(gr_eval(2, g));
        expect_numbers(g[0], 52, 81, 109, 136);                   /* 2 (x + y^2), and 5 */
        expect_numbers(g[1], 26 * 20, 38 * 24, 52 * 28, 68 * 32); /* 2 (x + y^2) 2 y */
    }
    gr__set_fusing(true);
    EXPECT_NO_LEAK();
}

/* Slices of a cell are as good as slices of a tensor. */
Test(arrange, slices_of_a_cell)
{
    gr_params *params = gr_params_new();
    gr_tensor *w = gr_param(params, "w", tensor(GR_F64, GR_SHAPE(3), 2, 3, 5));
    gr_tensor *a = gr_slice(w, 0, 0, 1), *b = gr_slice(w, 0, 1, 2), *c = gr_slice(w, 0, 2, 3);

    cr_assert(gr_backward(gr_sum(gr_mul(gr_mul(a, b), c), GR_ALL_AXES, false), params));
    cr_assert(gr_backward(gr_sum(gr_slice(w, 0, 0, 2), GR_ALL_AXES, false), params));
    expect_numbers(gr_grad(w), 16, 11, 6);
    gr_params_free(params);
    EXPECT_NO_LEAK();
}

Test(arrange, straight_through_of_any_order)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2), 1.2, -2.6), *g, *h;
    gr_tensor *y = gr_straight_through(gr_round(x), gr_mul(gr_square(x), x));

    cr_assert(gr_gradients(gr_sum(y, GR_ALL_AXES, false), &x, 1, &g));
    cr_assert(gr_gradients(gr_sum(g, GR_ALL_AXES, false), &x, 1, &h));
    expect_numbers(y, 1, -3);
    expect_near(g, 2, ((double[]){3 * 1.44, 3 * 6.76}), 1e-15);
    expect_near(h, 2, ((double[]){6 * 1.2, 6 * -2.6}), 1e-15);
    EXPECT_NO_LEAK();
}

Test(arrange, many_parts)
{
    enum { MANY = 2000 };
    static gr_tensor *parts[MANY];
    gr_tensor *x = noise_tensor(GR_F32, GR_SHAPE(MANY, 3), 4);

    cr_assert(gr_unstack(x, 0, parts));
    gr_tensor *y = gr_stack(parts, MANY, 0), *g;
    cr_assert(gr_gradients(gr_sum(gr_mul(y, y), GR_ALL_AXES, false), &x, 1, &g));
    expect_bits(GR_F32, 3 * MANY, gr_data(y), gr_data(x), "parted and joined");
    expect_bits(GR_F32, 3 * MANY, gr_data(g), gr_data(gr_mul(2, x)), "its gradient");
    EXPECT_NO_LEAK();
}

Test(arrange, constants)
{
    gr_tensor *x = gr_ones(GR_SHAPE(2)), *line = gr_linspace(GR_F32, 101, 0, 1);

    cr_assert_eq(gr_dtype_of(line), GR_F32);
    for (int i = 0; i <= 100; i++) {
        cr_assert_eq(gr_data_f32(line)[i], (float)(i / 100.0));
    }
    cr_assert_eq(gr_dtype_of(gr_eye(2, 2)), GR_F32);
    cr_assert_eq(gr_dtype_of(gr_ones_like(gr_cast(x, GR_I64))), GR_I64);
    gr_set_default_dtype(GR_F64);
    cr_assert_eq(gr_dtype_of(gr_eye(2, 2)), GR_F64);
    cr_assert_eq(gr_dtype_of(gr_zeros_like(x)), GR_F32);
    expect_ok();
    EXPECT_NO_LEAK();
}

Test(arrange, rademacher)
{
    enum { COUNT = 5000 };
    gr_rng *rng = gr_rng_new(3);

    for (gr_dtype dtype = GR_F32; dtype <= GR_F64; dtype++) {
        gr_set_default_dtype(dtype);
        double *y = numbers_of(gr_rademacher(rng, GR_SHAPE(COUNT / 2, 2))), sum = 0;
        for (int i = 0; i < COUNT; i++) {
            cr_assert(y[i] == -1 || y[i] == 1);
            sum += y[i];
        }
        cr_assert(fabs(sum) < 3.9 * sqrt(COUNT), "sum %g", sum);
        free(y);
    }
    cr_assert(gr_is_error(gr_rademacher(NULL, GR_SHAPE(2))));
    expect_error(GR_ERROR_VALUE, "gr_rademacher: rng: got NULL, want an rng");
    gr_rng_free(rng);
    EXPECT_NO_LEAK();
}

/* ---- lists ---- */

Test(arrange, lists_that_are_none)
{
    gr_tensor *x = gr_ones(GR_SHAPE(4)), *out[4] = {x, x, x, x};

    cr_assert(gr_is_error(gr_concat(&x, 0, 0)));
    expect_error(GR_ERROR_VALUE, "gr_concat: tensors: got an empty list, want one tensor or more");
    cr_assert(gr_is_error(gr_stack(NULL, 2, 0)));
    expect_error(GR_ERROR_VALUE, "gr_stack: tensors: got NULL, want one tensor or more");
    cr_assert_not(gr_split(x, 0, 2, NULL));
    expect_error(GR_ERROR_VALUE, "gr_split: out: got NULL, want an array");
    cr_assert_not(gr_split_sizes(x, 0, NULL, 2, out));
    expect_error(GR_ERROR_VALUE, "gr_split_sizes: sizes: got NULL, want one extent or more");
    cr_assert_not(gr_split_sizes(x, 0, (int64_t[]){4}, 0, out));
    expect_error(GR_ERROR_VALUE,
                 "gr_split_sizes: sizes: got an empty list, want one extent or more");
    cr_assert_not(gr_unstack(x, 0, NULL));
    expect_error(GR_ERROR_VALUE, "gr_unstack: out: got NULL, want an array");
    cr_assert_not(gr_meshgrid(NULL, 2, out));
    expect_error(GR_ERROR_VALUE, "gr_meshgrid: lists: got NULL, want 1 to 8 tensors");
    cr_assert_not(gr_meshgrid(&x, 0, out));
    expect_error(GR_ERROR_VALUE, "gr_meshgrid: lists: got 0, want 1 to 8 tensors");
    EXPECT_NO_LEAK();
}

/* Sizes that no memory holds: the message names who was called, and nothing overflows on the way. */
Test(arrange, beyond_all_extents)
{
    gr_tensor *x = gr_ones(GR_SHAPE(3, 4)), *images = gr_ones(GR_SHAPE(1, 8, 3, 4));
    int64_t much = (int64_t)1 << 59;
    gr_window wide = {INT32_MAX, 1, INT32_MAX};

    cr_assert(gr_is_error(gr_repeat(x, 0, much)));
    expect_error(GR_ERROR_MEMORY, "gr_repeat: times: the product of the extents overflows");
    cr_assert(gr_is_error(gr_tile(x, GR_SHAPE(much, 1))));
    expect_error(GR_ERROR_MEMORY, "gr_tile: repeats: the product of the extents overflows");
    cr_assert(gr_is_error(gr_pad(x, 0, much, 0, 1)));
    expect_error(GR_ERROR_MEMORY, "gr_pad: after: the product of the extents overflows");
    cr_assert(gr_is_error(gr_pad_replicate(x, 0, much, 0)));
    expect_error(GR_ERROR_MEMORY, "gr_pad_replicate: after: the product of the extents overflows");
    cr_assert(gr_is_error(gr_unfold2d(images, wide, wide)));
    expect_error(GR_ERROR_MEMORY, "gr_unfold2d: x: the product of the extents overflows");
    cr_assert(gr_is_error(gr_segment_sum(x, gr_arange(GR_I64, 3, 0, 1), much)));
    expect_error(GR_ERROR_MEMORY, "gr_segment_sum: n: the product of the extents overflows");
    EXPECT_NO_LEAK();
}

/* One window has no next: its step is any number. */
Test(arrange, a_single_window_has_any_step)
{
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(2, 3), 1, 2, 3, 4, 5, 6), *g;
    gr_tensor *w = gr_windows(x, 0, 2, INT64_MAX), *y = gr_overlap_add(w, 0, INT64_MAX, 3);

    expect_numbers(w, 1, 4, 2, 5, 3, 6);
    expect_numbers(y, 1, 2, 3, 4, 5, 6, 0, 0, 0);
    cr_assert(gr_gradients(gr_sum(gr_square(y), GR_ALL_AXES, false), &x, 1, &g));
    expect_numbers(g, 2, 4, 6, 8, 10, 12);
    EXPECT_NO_LEAK();
}

Test(arrange, failures_leave_error_tensors)
{
    gr_tensor *x = gr_ones(GR_SHAPE(4)), *out[4] = {x, x, x, x};

    cr_assert_not(gr_split(x, 0, 3, out));
    cr_assert(gr_is_error(out[0]) && gr_is_error(out[1]) && gr_is_error(out[2]));
    cr_assert_eq(out[3], x);
    cr_assert_not(gr_split_sizes(x, 0, (int64_t[]){1, 2}, 2, out + 2));
    cr_assert(gr_is_error(out[2]) && gr_is_error(out[3]));
    gr_error_clear();
    EXPECT_NO_LEAK();
}

/* What is given back unchanged is no copy, and loses its history where no gradient is wanted. */
Test(arrange, nothing_to_do)
{
    gr_tensor *x = noise_tensor(GR_F64, GR_SHAPE(3, 2), 5);

    cr_assert_eq(gr_slice(x, 0, 0, 3), x);
    cr_assert_eq(gr_slice_step(x, 1, -9, 9, 1), x);
    cr_assert_eq(gr_pad(x, 0, 0, 0, 7), x);
    cr_assert_eq(gr_unslice(x, 0, 0, 3), x);
    cr_assert_eq(gr_repeat(x, 0, 1), x);
    cr_assert_eq(gr_tile(x, GR_SHAPE(1, 1)), x);
    cr_assert_eq(gr_concat(&x, 1, 0), x);
    GR_NO_GRAD;
    cr_assert_neq(gr_slice(x, 0, 0, 3), x);
    cr_assert_eq(gr_data(gr_slice(x, 0, 0, 3)), gr_data(x));
    EXPECT_NO_LEAK();
}
