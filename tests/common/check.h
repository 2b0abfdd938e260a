/* What the suites share: whole arrays compared with one assertion that names the worst element,
 * error messages compared exactly, and a look for leaks at the end of a test. */
#ifndef TESTS_COMMON_CHECK_H
#define TESTS_COMMON_CHECK_H

#include <criterion/criterion.h>
#include <gradus.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
/* Criterion hides what a sanitizer finds when the process ends: to stand last in a test's body. */
#define EXPECT_NO_LEAK() cr_assert_eq(__lsan_do_recoverable_leak_check(), 0, "memory leaked")
#else
#define EXPECT_NO_LEAK() ((void)0)
#endif

static inline void ignore_error(gr_code code, const char *message, void *context)
{
    (void)code;
    (void)message;
    (void)context;
}

/* For suites that provoke errors, .init = silence: nothing is printed. */
static inline void silence(void)
{
    gr_error_handler(ignore_error, NULL);
}

/* An error of this code and text is waiting; clears it. */
#define expect_error(code, message) expect_error_at(code, message, __LINE__)

static inline void expect_error_at(gr_code code, const char *message, int line)
{
    cr_assert_str_eq(gr_error_message(), message, "line %d: got \"%s\", want \"%s\"", line,
                     gr_error_message(), message);
    cr_assert_eq(gr_error_code(), code, "line %d: got code %d, want %d for \"%s\"", line,
                 (int)gr_error_code(), (int)code, message);
    gr_error_clear();
}

/* All is well so far. */
#define expect_ok() cr_assert(gr_ok(), "%s", gr_error_message())

/* Numbers of any dtype as new doubles in logical order, to be freed; NaN for an error tensor. */
static inline double *numbers_of(const gr_tensor *t)
{
    int64_t n = gr_count(t);
    gr_dtype dtype = gr_dtype_of(t);
    const void *data = gr_data(t);
    double *numbers = malloc((size_t)(n + 1) * sizeof *numbers);

    for (int64_t i = 0; i < n; i++) {
        numbers[i] = !data             ? NAN
                     : dtype == GR_F32 ? (double)((const float *)data)[i]
                     : dtype == GR_F64 ? ((const double *)data)[i]
                                       : (double)((const int64_t *)data)[i];
    }
    return numbers;
}

/* How far got is from want, in units of the tolerance, relative to the larger of 1 and |want|: 0 if
 * equal or both NaN, infinite if only one of them is a NaN or infinite. */
static inline double distance(double got, double want, double tolerance)
{
    if (got == want || (isnan(got) && isnan(want))) {
        return 0;
    }
    double d = fabs(got - want) / fmax(1, fabs(want));
    return d <= tolerance ? 0.5 : isfinite(d) && tolerance > 0 ? d / tolerance : INFINITY;
}

/* t has n elements, each within the tolerance of want (0: equal, or NaN where a NaN is wanted). */
#define expect_near(t, n, want, tolerance) expect_near_at(t, n, want, tolerance, __LINE__)

static inline void expect_near_at(const gr_tensor *t, int64_t n, const double *want,
                                  double tolerance, int line)
{
    cr_assert(!gr_is_error(t), "line %d: an error tensor; %s", line, gr_error_message());
    cr_assert_eq(gr_count(t), n, "line %d: %lld elements, want %lld", line, (long long)gr_count(t),
                 (long long)n);
    double *got = numbers_of(t), worst = 0;
    int64_t at = 0;
    for (int64_t i = 0; i < n; i++) {
        double d = distance(got[i], want[i], tolerance);
        at = d > worst ? i : at;
        worst = d > worst ? d : worst;
    }
    cr_assert(worst <= 0.5, "line %d: element %lld: got %.17g, want %.17g", line, (long long)at,
              n ? got[at] : 0, n ? want[at] : 0);
    free(got);
}

/* expect_numbers(t, 1, 2, 3): exactly these elements. */
#define expect_numbers(t, ...) \
    expect_near_at(t, sizeof((double[]){__VA_ARGS__}) / sizeof(double), (double[]){__VA_ARGS__}, \
                   0, __LINE__)

static inline bool same_bits_or_nan(gr_dtype dtype, const void *a, const void *b, int64_t i)
{
    if (dtype == GR_F32) {
        const float *x = (const float *)a + i, *y = (const float *)b + i;
        return memcmp(x, y, sizeof *x) == 0 || (isnan(*x) && isnan(*y));
    }
    const char *x = (const char *)a + i * 8, *y = (const char *)b + i * 8;
    double u, v;
    memcpy(&u, x, sizeof u);
    memcpy(&v, y, sizeof v);
    return memcmp(x, y, 8) == 0 || (dtype == GR_F64 && isnan(u) && isnan(v));
}

/* The same bits in two arrays of a dtype; NaNs count as equal. */
#define expect_bits(dtype, n, got, want, what) expect_bits_at(dtype, n, got, want, what, __LINE__)

static inline void expect_bits_at(gr_dtype dtype, int64_t n, const void *got, const void *want,
                                  const char *what, int line)
{
    int64_t bad = 0, first = -1;

    cr_assert(got && want, "line %d: %s: no numbers; %s", line, what, gr_error_message());
    for (int64_t i = 0; i < n; i++) {
        bool differs = !same_bits_or_nan(dtype, got, want, i);
        first = differs && first < 0 ? i : first;
        bad += differs;
    }
    cr_assert_eq(bad, 0, "line %d: %s: %lld of %lld elements differ, the first is %lld", line, what,
                 (long long)bad, (long long)n, (long long)first);
}

/* t's elements as new memory, to be freed. */
static inline void *copy_of(const gr_tensor *t)
{
    size_t bytes = (size_t)gr_count(t) * gr_dtype_size(gr_dtype_of(t));
    const void *data = gr_data(t);
    void *copy = malloc(bytes + 1);

    cr_assert(data, "%s", gr_error_message());
    return memcpy(copy, data, bytes);
}

static inline int64_t elements_of(gr_shape shape)
{
    int64_t n = 1;

    for (int i = 0; i < shape.rank; i++) {
        n *= shape.dims[i];
    }
    return n;
}

/* tensor(GR_F32, GR_SHAPE(2, 2), 1, 2, 3, 4): numbers of any dtype, a node with its numbers. */
#define tensor(dtype, shape, ...) tensor_of(dtype, shape, (double[]){__VA_ARGS__})

static inline gr_tensor *tensor_of(gr_dtype dtype, gr_shape shape, const double *numbers)
{
    int64_t n = elements_of(shape);
    char *data = malloc((size_t)n * 8 + 1);
    for (int64_t i = 0; i < n; i++) {
        switch (dtype) {
        case GR_F32: ((float *)(void *)data)[i] = (float)numbers[i]; break;
        case GR_F64: ((double *)(void *)data)[i] = numbers[i]; break;
        default: ((int64_t *)(void *)data)[i] = (int64_t)numbers[i]; break;
        }
    }
    gr_tensor *t = gr_from_data(dtype, shape, data);
    free(data);
    return t;
}

/* Deterministic numbers of high entropy in (-2, 2), exact in f32. */
static inline double noise(uint64_t i)
{
    uint64_t x = (i + 1) * 0x9E3779B97F4A7C15u;

    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return (double)(int64_t)(x >> 40) / 0x1p22 - 2;
}

/* A tensor of noise: numbers of `seed` on. For GR_I64, whole numbers from -1000 to 1000. */
static inline gr_tensor *noise_tensor(gr_dtype dtype, gr_shape shape, uint64_t seed)
{
    int64_t n = elements_of(shape);

    double *numbers = malloc((size_t)(n + 1) * sizeof *numbers);
    for (int64_t i = 0; i < n; i++) {
        double x = noise(seed * 1000003 + (uint64_t)i);
        numbers[i] = dtype == GR_I64 ? floor(x * 500) : x;
    }
    gr_tensor *t = tensor_of(dtype, shape, numbers);
    free(numbers);
    return t;
}

#endif
