/* How the tests of losses, layers and optimizers compare: numbers in double, messages exactly. */
#ifndef TESTS_LOSSES_EXPECT_H
#define TESTS_LOSSES_EXPECT_H

#include <criterion/criterion.h>
#include <gradus.h>
#include <math.h>
#include <string.h>

static inline void ignore_message(gr_code code, const char *message, void *context)
{
    (void)code;
    (void)message;
    (void)context;
}

/* For suites that provoke errors: .init = quiet. */
static inline void quiet(void)
{
    gr_error_handler(ignore_message, NULL);
}

/* Element i of t, in logical order. */
static inline double element(const gr_tensor *t, int64_t i)
{
    const void *data = gr_data(t);

    cr_assert(data, "%s", gr_error_message());
    switch (gr_dtype_of(t)) {
    case GR_F32: return (double)((const float *)data)[i];
    case GR_F64: return ((const double *)data)[i];
    default: return (double)((const int64_t *)data)[i];
    }
}

/* |got - want| <= tolerance max(1, |want|); infinities must be equal, a NaN never is. */
static inline bool close_to(double got, double want, double tolerance)
{
    return got == want || fabs(got - want) <= tolerance * fmax(1, fabs(want));
}

static inline void expect_numbers(const gr_tensor *t, int64_t n, const double *want,
                                  double tolerance, int line)
{
    cr_assert(!gr_is_error(t), "line %d: %s", line, gr_error_message());
    cr_assert_eq(gr_count(t), n, "line %d: %lld elements, want %lld", line, (long long)gr_count(t),
                 (long long)n);
    for (int64_t i = 0; i < n; i++) {
        double got = element(t, i);
        cr_assert(close_to(got, want[i], tolerance), "line %d: element %lld: got %.17g, want %.17g",
                  line, (long long)i, got, want[i]);
    }
}

/* EXPECT(t, 1e-15, 2.385, -0.771): these elements, to this tolerance. */
#define EXPECT(t, tolerance, ...) \
    expect_numbers(t, sizeof((double[]){__VA_ARGS__}) / sizeof(double), (double[]){__VA_ARGS__}, \
                   tolerance, __LINE__)
#define EXPECT_ARRAY(t, tolerance, want) \
    expect_numbers(t, sizeof(want) / sizeof *(want), want, tolerance, __LINE__)

static inline void expect_message(const char *want, int line)
{
    cr_assert_str_eq(gr_error_message(), want, "line %d: got \"%s\", want \"%s\"", line,
                     gr_error_message(), want);
    gr_error_clear();
}

/* The call fails with this message, and the error is cleared. */
#define EXPECT_ERROR(call, message) \
    do { \
        cr_assert(gr_ok(), "%s", gr_error_message()); \
        cr_assert(gr_is_error(call)); \
        expect_message(message, __LINE__); \
    } while (0)

/* The call returns an error tensor without a word. */
#define EXPECT_SILENT(call) \
    do { \
        cr_assert(gr_is_error(call)); \
        cr_assert(gr_ok(), "%s", gr_error_message()); \
    } while (0)

static inline void expect_shape(const gr_tensor *t, gr_shape want, int line)
{
    gr_shape got = gr_shape_of(t);

    cr_assert_eq(got.rank, want.rank, "line %d: rank %d, want %d", line, got.rank, want.rank);
    for (int i = 0; i < want.rank; i++) {
        cr_assert_eq(got.dims[i], want.dims[i], "line %d: axis %d: %lld, want %lld", line, i,
                     (long long)got.dims[i], (long long)want.dims[i]);
    }
}

#define EXPECT_SHAPE(t, shape) expect_shape(t, shape, __LINE__)

/* TENSOR(GR_F64, GR_SHAPE(2, 2), 1.1, 2.2, 3.3, 4.4), from numbers of any dtype. */
static inline gr_tensor *tensor_of(gr_dtype dtype, gr_shape shape, const double *numbers)
{
    return gr_cast(gr_from_data(GR_F64, shape, numbers), dtype);
}

#define TENSOR(dtype, shape, ...) tensor_of(dtype, shape, (double[]){__VA_ARGS__})

/* An error tensor, with the error forgotten. */
static inline gr_tensor *broken(void)
{
    gr_tensor *t = gr_zeros((gr_shape){.rank = -1});

    gr_error_clear();
    return t;
}

/* d y / d x */
static inline gr_tensor *slope(const gr_tensor *y, gr_tensor *x)
{
    gr_tensor *g;

    cr_assert(gr_gradients(y, &x, 1, &g), "%s", gr_error_message());
    return g;
}

#endif
