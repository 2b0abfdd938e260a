/* One node's computation by its kind: any layout of operands, any number of threads, the same
 * numbers. */
#include "tests/common/check.h"

#include "src/eval/eval.h"

#include "src/core/alloc.h"

/* Element n of t's logical order where t is seen under the broadcast shape s. */
static int64_t broadcast_index(gr_shape s, gr_shape t, int64_t n)
{
    int64_t at = 0, place = 1;

    for (int i = s.rank - 1; i >= 0; i--) {
        int64_t index = n % s.dims[i];
        int k = i - (s.rank - t.rank);
        n /= s.dims[i];
        if (k >= 0) {
            at += t.dims[k] == 1 ? 0 : index * place;
            place *= t.dims[k];
        }
    }
    return at;
}

/* a - 2 b, element by element, against the same on single numbers. */
static void check_map(const gr_tensor *a, const gr_tensor *b)
{
    gr_tensor *y = gr_sub(a, gr_mul(b, 2));
    gr_shape s = gr_shape_of(y);
    double *p = numbers_of(a), *q = numbers_of(b);
    double *want = malloc((size_t)(gr_count(y) + 1) * sizeof *want);

    for (int64_t n = 0; n < gr_count(y); n++) {
        want[n] = p[broadcast_index(s, gr_shape_of(a), n)] -
                  2 * q[broadcast_index(s, gr_shape_of(b), n)];
    }
    expect_near(y, gr_count(y), want, gr_dtype_of(a) == GR_F32 ? 1e-6 : 0);
    free(p);
    free(q);
    free(want);
}

static const gr_dtype dtypes[] = {GR_F32, GR_F64, GR_I64};

Test(run, maps_of_every_broadcast)
{
    static const gr_shape pairs[][2] = {
        {{3, {4, 5, 6}}, {3, {4, 5, 6}}},
        {{3, {4, 5, 6}}, {1, {6}}},
        {{3, {4, 5, 6}}, {3, {4, 1, 6}}},
        {{3, {4, 5, 6}}, {3, {1, 5, 1}}},
        {{3, {4, 1, 6}}, {2, {5, 1}}},
        {{2, {1, 9}}, {2, {7, 1}}},
        {{0, {0}}, {2, {3, 4}}},
        {{0, {0}}, {0, {0}}},
        {{2, {0, 4}}, {1, {4}}},
        {{1, {5000}}, {0, {0}}},
        {{2, {70, 1111}}, {2, {70, 1}}},
        {{2, {1111, 70}}, {1, {70}}},
        {{4, {2, 3, 1, 5}}, {3, {3, 4, 1}}},
        {{1, {1024}}, {2, {3, 1}}},
    };

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        for (int d = 0; d < 3; d++) {
            GR_SCOPE;
            gr_tensor *a = noise_tensor(dtypes[d], pairs[i][0], 1);
            gr_tensor *b = noise_tensor(dtypes[d], pairs[i][1], 2);
            check_map(a, b);
            check_map(b, a);
        }
    }
}

Test(run, maps_of_every_layout)
{
    for (int d = 0; d < 3; d++) {
        GR_SCOPE;
        gr_tensor *a = noise_tensor(dtypes[d], GR_SHAPE(40, 30, 20), 1);
        gr_tensor *big = noise_tensor(dtypes[d], GR_SHAPE(43, 32, 22), 2);
        check_map(a,
                  gr_permute(noise_tensor(dtypes[d], GR_SHAPE(20, 40, 30), 3), GR_AXES(1, 2, 0)));
        check_map(a, gr_slice(gr_slice(gr_slice(big, 0, 1, 41), 1, 2, 32), 2, 0, 20));
        check_map(gr_flip(a, GR_AXES(0, 2)), a);
        check_map(gr_flip(a, GR_AXES(1)), gr_slice(gr_flip(a, GR_AXES(2)), 0, 7, 8));
        check_map(gr_transpose(a, 0, 2),
                  gr_expand(gr_slice(gr_transpose(a, 0, 2), 1, 4, 5), GR_SHAPE(20, 30, 40)));
    }
}

/* Numbers stand in each place, in the dtype of the tensors. */
Test(run, maps_with_numbers)
{
    gr_tensor *x = tensor(GR_F32, GR_SHAPE(3), 1, 2, 4), *i = tensor(GR_I64, GR_SHAPE(2), 5, -7);

    expect_numbers(gr_sub(10, x), 9, 8, 6);
    expect_numbers(gr_sub(x, 10), -9, -8, -6);
    expect_numbers(gr_div(8, x), 8, 4, 2);
    expect_numbers(gr_where(gr_greater(x, 1.5), x, -1), -1, 2, 4);
    expect_numbers(gr_where(gr_greater(x, 1.5), 7, x), 1, 7, 7);
    expect_numbers(gr_where(1, x, 0), 1, 2, 4);
    expect_numbers(gr_mul(i, -3), -15, 21);
    cr_assert_eq(gr_data_f32(gr_mul(x, 0.1))[0], 0.1f);
}

Test(run, the_same_operand_twice)
{
    gr_tensor *x = noise_tensor(GR_F64, GR_SHAPE(3, 3), 1);

    check_map(x, x);
    check_map(x, gr_transpose(x, 0, 1));
}

/* ---- views ---- */

/* Reshape of what strides cannot express copies; of what they can shares. */
Test(run, reshape_of_views)
{
    gr_tensor *x = gr_arange(GR_F64, 24, 0, 1), *y = gr_reshape(x, GR_SHAPE(2, 3, 4));
    gr_tensor *turned = gr_permute(y, GR_AXES(2, 0, 1));
    double want[24];

    for (int i = 0; i < 24; i++) {
        want[i] = (i % 6) * 4 + i / 6;
    }
    expect_near(turned, 24, want, 0);
    expect_near(gr_reshape(turned, GR_SHAPE(24)), 24, want, 0);
    expect_near(gr_reshape(turned, GR_SHAPE(4, 6)), 24, want, 0);
    expect_near(gr_reshape(turned, GR_SHAPE(8, 3)), 24, want, 0);
    expect_near(gr_reshape(turned, GR_SHAPE(2, 2, 1, 2, 3)), 24, want, 0);
    expect_near(gr_reshape(gr_reshape(turned, GR_SHAPE(2, 12)), GR_SHAPE(4, 2, 3)), 24, want, 0);
    expect_numbers(
        gr_reshape(gr_expand(tensor(GR_F64, GR_SHAPE(2, 1), 1, 2), GR_SHAPE(2, 3)), GR_SHAPE(6)), 1,
        1, 1, 2, 2, 2);
}

Test(run, views_of_views)
{
    gr_tensor *x = gr_reshape(gr_arange(GR_F32, 30, 0, 1), GR_SHAPE(5, 6));
    gr_tensor *y = gr_slice(gr_flip(gr_transpose(gr_slice(x, 0, 1, 4), 0, 1), GR_AXES(0)), 0, 1, 3);

    expect_numbers(y, 10, 16, 22, 9, 15, 21);
    expect_numbers(gr_flip(y, GR_AXES(1)), 22, 16, 10, 21, 15, 9);
    expect_numbers(gr_add(y, gr_flip(y, GR_AXES(1))), 32, 32, 32, 30, 30, 30);
    expect_numbers(gr_slice(gr_slice(y, 1, 1, 3), 1, -1, 9), 22, 21);
}

/* A view of an expression that nobody named is of its numbers, also when they are large. */
Test(run, views_make_no_copies)
{
    gr_tensor *x = gr_full(GR_F32, GR_SHAPE(1 << 20), 3);

    cr_assert(gr_eval(1, &x));
    int64_t before = gr_memory_stats().current;
    gr_tensor *views[] = {gr_reshape(x, GR_SHAPE(1 << 10, 1 << 10)),
                          gr_slice(x, 0, 5, 1 << 19),
                          gr_flip(x, GR_AXES(0)),
                          gr_expand(x, GR_SHAPE(1000, 1 << 20)),
                          gr_transpose(gr_reshape(x, GR_SHAPE(1 << 10, 1 << 10)), 0, 1),
                          gr_detach(x)};
    cr_assert(gr_eval(6, views));
    cr_assert_lt(gr_memory_stats().current - before, 1 << 20);
    cr_assert_eq(gr_item(gr_sum(gr_slice(views[3], 1, 0, 2), GR_ALL_AXES, false)), 6000);
}

/* ---- opaque kernels ---- */

/* Operands of any layout give the same bits as contiguous ones. */
Test(run, products_and_gathers_of_views)
{
    gr_tensor *a = noise_tensor(GR_F32, GR_SHAPE(33, 21), 1),
              *b = noise_tensor(GR_F32, GR_SHAPE(33, 18), 2);
    gr_tensor *index = gr_flip(gr_arange(GR_I64, 10, 0, 2), GR_AXES(0));
    gr_tensor *rows = gr_take(gr_transpose(a, 0, 1), 0, index);
    double *want = numbers_of(a), *got = numbers_of(rows);

    for (int i = 0; i < 10; i++) {
        for (int j = 0; j < 33; j++) {
            cr_assert_eq(got[i * 33 + j], want[j * 21 + 18 - 2 * i]);
        }
    }
    free(want);
    free(got);
    gr_tensor *copy = gr_borrow(GR_F32, GR_SHAPE(21, 33), gr_data(gr_transpose(a, 0, 1)));
    gr_tensor *p = gr_matmul(gr_transpose(a, 0, 1), b), *q = gr_matmul(copy, b);
    double *product = numbers_of(q);
    expect_near(p, 21 * 18, product, 1e-5);
    free(product);
}

/* ---- threads ---- */

/* Sizes beyond one chunk, and not a multiple of anything. */
static gr_tensor *program(gr_rng *rng)
{
    gr_tensor *x = gr_normal(rng, GR_SHAPE(311, 257), 0, 1),
              *u = gr_uniform(rng, GR_SHAPE(257), 0, 1);
    gr_tensor *i = gr_integers(rng, GR_SHAPE(311, 40), 0, 257);
    gr_tensor *y = gr_tanh(gr_add(gr_mul(x, u), gr_exp(gr_neg(gr_mul(x, x)))));
    gr_tensor *z = gr_gather(gr_softmax(gr_flip(y, GR_AXES(1)), GR_AXES(1)), 1, i);

    return gr_add(gr_sum(z, GR_AXES(1), true), gr_sum(y, GR_AXES(0), false));
}

Test(run, the_same_bits_for_any_number_of_threads)
{
    static const int threads[] = {1, 2, 3, 4, 7};
    float *want = NULL;

    gr__set_parallel_from(1);
    for (int t = 0; t < 5; t++) {
        GR_SCOPE;
        gr_rng *rng = gr_rng_new(7);
        cr_assert(gr_set_threads(threads[t]));
        gr_tensor *y = program(rng);
        want = want ? want : copy_of(y);
        expect_bits(GR_F32, gr_count(y), gr_data(y), want, "threads");
        gr_rng_free(rng);
    }
    free(want);
    gr_thread_end();
    EXPECT_NO_LEAK();
}

Test(run, large_arrays_on_several_threads)
{
    GR_SCOPE;
    gr_set_threads(3);
    int64_t n = 3000001;
    gr_tensor *x = gr_arange(GR_F64, n, 0, 1), *y = gr_sub(gr_mul(x, 2), gr_flip(x, GR_AXES(0)));
    const double *data = gr_data_f64(y);
    int64_t bad = 0;

    for (int64_t i = 0; i < n; i++) {
        bad += data[i] != (double)(3 * i - n + 1);
    }
    cr_assert_eq(bad, 0);
}

/* ---- where an error was made ---- */

Test(run, no_memory_names_the_operation, .init = silence)
{
    gr_tensor *x = gr_full(GR_F32, GR_SHAPE(1000), 1), *before = gr_full(GR_F32, GR_SHAPE(1000), 2);

    cr_assert(gr_eval(1, &before)); /* the schedule has its memory */
    gr__fail_allocation(1);
    cr_assert_not(gr_eval(1, &x));
    gr__fail_allocation(0);
    const char *head = "gr_full: no memory for 4000 bytes (made ";
    cr_assert_eq(strncmp(gr_error_message(), head, strlen(head)), 0, "%s", gr_error_message());
    cr_assert_eq(gr_error_code(), GR_ERROR_MEMORY);
    gr_error_clear();
    cr_assert_eq(gr_item(gr_sum(x, GR_ALL_AXES, false)), 1000);
}

/* A chain too long to be computed once more, of one number for all elements: it is stored, and read
 * by a pass over three times as many elements, which no tile of 1,024 holds evenly. */
Test(run, one_number_for_all_from_memory)
{
    gr_tensor *x = gr_full(GR_F32, GR_SHAPE(344, 1), 2);
    double want[344 * 3], y = 2;

    for (int i = 0; i < 40; i++) {
        x = gr_mul(gr_add(x, 1), 0.5);
        y = (y + 1) * 0.5;
    }
    for (int i = 0; i < 344 * 3; i++) {
        want[i] = -y;
    }
    gr_tensor *wide = gr_neg(gr_expand(x, GR_SHAPE(344, 3)));
    cr_assert(gr_eval(2, (gr_tensor *[]){x, wide}));
    expect_near(wide, 344 * 3, want, 1e-6);
    EXPECT_NO_LEAK();
}
