/* What the certification table cannot say of segments: indices that are checked late, the order of
 * addition, and second derivatives where there is nothing. */
#include "tests/common/check.h"

TestSuite(segment, .init = silence);

/* An index whose numbers are not known when the operation is made. */
static gr_tensor *pending(int64_t last)
{
    return gr_add(tensor(GR_I64, GR_SHAPE(3), 0, 2, (double)last), 0);
}

static void expect_late_error(gr_tensor *y, const char *want)
{
    cr_assert_not(gr_is_error(y), "%s", gr_error_message());
    cr_assert_null(gr_data(y));
    cr_assert_eq(strncmp(gr_error_message(), want, strlen(want)), 0, "got \"%s\"",
                 gr_error_message());
    cr_assert_eq(gr_error_code(), GR_ERROR_VALUE);
    gr_error_clear();
}

Test(segment, pending_indices_are_checked_under_the_function_s_name)
{
    GR_SCOPE;
    gr_tensor *x = noise_tensor(GR_F64, GR_SHAPE(3), 5);

    expect_late_error(gr_segment_sum(x, pending(4), 4),
                      "gr_segment_sum: index: got 4 at (2), want 0 to 3 (made ");
    expect_late_error(gr_segment_mean(x, pending(-1), 4),
                      "gr_segment_mean: index: got -1 at (2), want 0 to 3 (made ");
    expect_late_error(gr_segment_max(x, pending(4), 4),
                      "gr_segment_max: index: got 4 at (2), want 0 to 3 (made ");
    expect_late_error(gr_segment_logsumexp(x, pending(4), 4),
                      "gr_segment_logsumexp: index: got 4 at (2), want 0 to 3 (made ");
    expect_late_error(gr_segment_softmax(x, pending(4), 4),
                      "gr_segment_softmax: index: got 4 at (2), want 0 to 3 (made ");
    EXPECT_NO_LEAK();
}

/* f32 has the bits of a loop over the rows. */
Test(segment, rows_are_added_in_order)
{
    enum { ROWS = 5000, COLUMNS = 130, SEGMENTS = 7 };
    static float want[SEGMENTS * COLUMNS];
    static int64_t at[ROWS];
    GR_SCOPE;
    gr_tensor *x = noise_tensor(GR_F32, GR_SHAPE(ROWS, COLUMNS), 9);
    const float *v = gr_data_f32(x);

    for (int i = 0; i < ROWS; i++) {
        at[i] = (int64_t)((noise((uint64_t)i) + 2) / 4 * SEGMENTS);
        for (int j = 0; j < COLUMNS; j++) {
            want[at[i] * COLUMNS + j] += v[i * COLUMNS + j];
        }
    }
    gr_tensor *index = gr_from_i64(GR_SHAPE(ROWS), at);
    for (int threads = 1; threads <= 3; threads++) {
        gr_set_threads(threads);
        expect_bits(GR_F32, SEGMENTS * COLUMNS, gr_data(gr_segment_sum(x, index, SEGMENTS)), want,
                    "sum");
    }
    gr_set_threads(1);
    EXPECT_NO_LEAK();
}

/* Segments 0 (nothing but -inf) and 2 (no rows) spoil no derivative: of sum w e^y, then of the
 * square of its gradient, by the rows and by w. */
Test(segment, empty_segments_leave_second_derivatives_alone)
{
    typedef gr_tensor *fold(const gr_tensor *, const gr_tensor *, int64_t);
    static fold *const folds[] = {gr_segment_logsumexp, gr_segment_max, gr_segment_mean};
    GR_SCOPE;
    gr_tensor *x = tensor(GR_F64, GR_SHAPE(5), -INFINITY, 1.5, -INFINITY, -0.25, -INFINITY);
    gr_tensor *index = tensor(GR_I64, GR_SHAPE(5), 0, 1, 1, 1, 0);
    gr_tensor *w = tensor(GR_F64, GR_SHAPE(3), 0.75, -1.25, 2);

    for (int i = 0; i < 3; i++) {
        gr_tensor *in[] = {i < 2 ? x : gr_where(gr_equal(x, -INFINITY), 0, x), w}, *g, *h[2];
        gr_tensor *loss = gr_sum(gr_mul(w, gr_exp(folds[i](in[0], index, 3))), GR_ALL_AXES, false);
        cr_assert(gr_gradients(loss, in, 1, &g));
        cr_assert(gr_gradients(gr_sum(gr_square(g), GR_ALL_AXES, false), in, 2, h));
        double *by_x = numbers_of(h[0]), *by_w = numbers_of(h[1]);
        for (int j = 0; j < 5; j++) {
            cr_assert(isfinite(by_x[j]) && isfinite(by_w[j % 3]), "fold %d, element %d", i, j);
        }
        cr_assert(by_x[1] != 0 && by_w[1] != 0 && by_w[2] == 0, "fold %d", i);
        free(by_x);
        free(by_w);
    }
    EXPECT_NO_LEAK();
}
