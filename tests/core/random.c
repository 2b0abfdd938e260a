/* Generators and random tensors as a program sees them: what decides the numbers, what an rng's
 * state is, and what is refused. The numbers themselves are tested in tests/kernels/random.c. */
#include <criterion/criterion.h>
#include <gradus.h>
#include <math.h>
#include <string.h>

#include "src/core/alloc.h"

static void quiet(gr_code code, const char *message, void *context)
{
    (void)code, (void)message, (void)context;
}

static void silence(void)
{
    gr_error_handler(quiet, NULL);
}

TestSuite(core_random, .init = silence);

static void assert_state(const gr_rng *rng, uint64_t key, uint64_t counter)
{
    gr_rng_state state = gr_rng_get_state(rng);
    cr_assert_eq(state.key, key);
    cr_assert_eq(state.counter, counter, "got %llu, want %llu", (unsigned long long)state.counter,
                 (unsigned long long)counter);
}

static void assert_same(const gr_tensor *a, const gr_tensor *b)
{
    size_t bytes = (size_t)gr_count(a) * gr_dtype_size(gr_dtype_of(a));
    cr_assert_eq(gr_count(a), gr_count(b));
    cr_assert(memcmp(gr_data(a), gr_data(b), bytes) == 0);
}

/* The correlation of two normal tensors of n elements, in standard errors. */
static double correlation(const gr_tensor *a, const gr_tensor *b)
{
    const float *x = gr_data_f32(a), *y = gr_data_f32(b);
    int64_t n = gr_count(a);
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (double)x[i] * (double)y[i];
    return sum / sqrt((double)n);
}

/* ---- what a random tensor is ---- */

Test(core_random, shapes_and_dtypes)
{
    gr_rng *rng = gr_rng_new(1);
    gr_tensor *t = gr_normal(rng, GR_SHAPE(3, 1, 7), 0, 1);
    cr_assert_eq(gr_dtype_of(t), GR_F32);
    cr_assert_eq(gr_rank(t), 3);
    cr_assert_eq(gr_count(t), 21);
    cr_assert_eq(gr_dtype_of(gr_integers(rng, GR_SCALAR, -2, 3)), GR_I64);
    cr_assert_eq(gr_dim(gr_permutation(rng, 13), 0), 13);
    cr_assert_eq(gr_count(gr_uniform(rng, GR_SHAPE(4, 0), 0, 1)), 0);
    cr_assert_eq(gr_count(gr_permutation(rng, 0)), 0);
    gr_set_default_dtype(GR_F64);
    cr_assert_eq(gr_dtype_of(gr_uniform(rng, GR_SCALAR, 0, 1)), GR_F64);
    cr_assert_eq(gr_dtype_of(gr_normal(rng, GR_SCALAR, 0, 1)), GR_F64);
    cr_assert_eq(gr_dtype_of(gr_bernoulli(rng, GR_SCALAR, 0.5)), GR_F64);
    cr_assert_eq(gr_dtype_of(gr_integers(rng, GR_SCALAR, 0, 2)), GR_I64);
    cr_assert(gr_ok());
    gr_rng_free(rng);
}

/* Each function reaches its own kernel with its own parameters. */
Test(core_random, numbers_are_where_they_should_be)
{
    enum { COUNT = 5000 };
    gr_rng *rng = gr_rng_new(2);
    const float *u = gr_data_f32(gr_uniform(rng, GR_SHAPE(COUNT), 3, 5));
    const float *z = gr_data_f32(gr_normal(rng, GR_SHAPE(COUNT), -20, 0.5));
    const float *b = gr_data_f32(gr_bernoulli(rng, GR_SHAPE(COUNT), 0.25));
    const int64_t *k = gr_data_i64(gr_integers(rng, GR_SHAPE(COUNT), -3, 2));
    const int64_t *p = gr_data_i64(gr_permutation(rng, COUNT));
    double mean[5] = {0};
    for (int i = 0; i < COUNT; i++) {
        cr_assert(u[i] >= 3 && u[i] < 5 && (b[i] == 0 || b[i] == 1));
        cr_assert(k[i] >= -3 && k[i] < 2 && p[i] >= 0 && p[i] < COUNT);
        double x[] = {(double)u[i], (double)z[i], (double)b[i], (double)k[i], (double)p[i]};
        for (int j = 0; j < 5; j++) mean[j] += x[j] / COUNT;
    }
    double error = 3.9 / sqrt(COUNT); /* of a mean, times the deviation */
    cr_assert_float_eq(mean[0], 4, error * 2 / sqrt(12));
    cr_assert_float_eq(mean[1], -20, error * 0.5);
    cr_assert_float_eq(mean[2], 0.25, error * sqrt(0.25 * 0.75));
    cr_assert_float_eq(mean[3], -1, error * sqrt(2));
    cr_assert_float_eq(mean[4], (COUNT - 1) / 2.0, 1e-6);
    gr_rng_free(rng);
}

Test(core_random, the_widest_ranges)
{
    gr_rng *rng = gr_rng_new(3);
    gr_tensor *all = gr_integers(rng, GR_SHAPE(1000), INT64_MIN, INT64_MAX);
    gr_tensor *one = gr_integers(rng, GR_SHAPE(10), INT64_MAX - 1, INT64_MAX);
    const int64_t *x = gr_data_i64(all), *y = gr_data_i64(one);
    int negative = 0;
    for (int i = 0; i < 1000; i++) {
        negative += x[i] < 0;
        uint64_t draw = (uint64_t)x[i] + (UINT64_C(1) << 63) + 1;
        cr_assert_neq(draw >> 32, draw & UINT32_MAX, "both halves are the same word");
    }
    cr_assert(negative > 430 && negative < 570, "%d of 1000", negative);
    for (int i = 0; i < 10; i++) cr_assert_eq(y[i], INT64_MAX - 1);
    gr_rng_free(rng);
}

/* ---- what decides the numbers ---- */

Test(core_random, the_seed_decides)
{
    gr_rng *a = gr_rng_new(42), *b = gr_rng_new(42);
    for (int i = 0; i < 3; i++) {
        assert_same(gr_normal(a, GR_SHAPE(33), 0, 1), gr_normal(b, GR_SHAPE(33), 0, 1));
    }
    gr_rng_free(a);
    gr_rng_free(b);
}

/* Keys of seeds that differ by 1 differ in half of their 64 bits: 1000 differences have a mean of
 * 32 with a standard error of 4 / sqrt(1000). */
Test(core_random, nearby_seeds_are_unrelated)
{
    enum { SEEDS = 1001 };
    uint64_t key[SEEDS];
    double bits = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        gr_rng *rng = gr_rng_new(seed);
        key[seed] = gr_rng_get_state(rng).key;
        assert_state(rng, key[seed], 0);
        gr_rng_free(rng);
        for (uint64_t i = 0; i < seed; i++) cr_assert_neq(key[i], key[seed]);
        if (seed) bits += __builtin_popcountll(key[seed] ^ key[seed - 1]);
    }
    cr_assert_float_eq(bits / 1000, 32, 3.9 * 4 / sqrt(1000));
    gr_rng *low = gr_rng_new(7), *high = gr_rng_new(7 | UINT64_C(1) << 32);
    cr_assert_neq(gr_rng_get_state(low).key, gr_rng_get_state(high).key);
    gr_rng_free(low);
    gr_rng_free(high);
}

Test(core_random, the_order_of_computing_does_not_matter)
{
    gr_rng *r = gr_rng_new(5), *s = gr_rng_new(5);
    gr_tensor *a = gr_uniform(r, GR_SHAPE(1000), 0, 1), *b = gr_uniform(r, GR_SHAPE(1000), 0, 1);
    gr_eval(1, &b);
    gr_eval(1, &a);
    gr_tensor *c = gr_uniform(s, GR_SHAPE(1000), 0, 1);
    gr_eval(1, &c);
    gr_tensor *d = gr_uniform(s, GR_SHAPE(1000), 0, 1);
    assert_same(a, c);
    assert_same(b, d);
    gr_rng_free(r);
    gr_rng_free(s);
}

Test(core_random, threads_do_not_matter)
{
    gr_rng *rng = gr_rng_new(6);
    gr_rng_state start = gr_rng_get_state(rng);
    gr_set_threads(1);
    gr_tensor *one = gr_normal(rng, GR_SHAPE(300001), 0, 1);
    gr_tensor *order = gr_permutation(rng, 100003);
    gr_eval(1, &one);
    gr_eval(1, &order);
    for (int threads = 2; threads <= 7; threads += 1 + threads / 4) {
        gr_set_threads(threads);
        gr_rng_set_state(rng, start);
        assert_same(one, gr_normal(rng, GR_SHAPE(300001), 0, 1));
        assert_same(order, gr_permutation(rng, 100003));
    }
    gr_rng_free(rng);
}

/* In f64 the same numbers, better known: a model can be checked in it. */
Test(core_random, the_dtype_hardly_matters)
{
    gr_rng *r = gr_rng_new(7), *s = gr_rng_new(7);
    const float *x = gr_data_f32(gr_uniform(r, GR_SHAPE(100), -1, 1));
    const float *z = gr_data_f32(gr_normal(r, GR_SHAPE(3, 35), 0, 1));
    gr_set_default_dtype(GR_F64);
    const double *u = gr_data_f64(gr_uniform(s, GR_SHAPE(100), -1, 1));
    const double *v = gr_data_f64(gr_normal(s, GR_SHAPE(3, 35), 0, 1));
    for (int i = 0; i < 100; i++) {
        cr_assert_float_eq((double)x[i], u[i], 2e-7);
        cr_assert_float_eq((double)z[i], v[i], 2e-6);
    }
    assert_state(r, gr_rng_get_state(s).key, gr_rng_get_state(s).counter);
    gr_rng_free(r);
    gr_rng_free(s);
}

/* ---- the state ---- */

/* n elements take 2 ceil(n / 4) counters, whatever they are. */
Test(core_random, a_tensor_reserves_its_counters_when_it_is_made)
{
    gr_rng *rng = gr_rng_new(8);
    uint64_t key = gr_rng_get_state(rng).key;
    gr_uniform(rng, GR_SHAPE(3, 3), 0, 1);
    assert_state(rng, key, 6);
    gr_normal(rng, GR_SCALAR, 0, 1);
    assert_state(rng, key, 8);
    gr_bernoulli(rng, GR_SHAPE(8), 0.5);
    assert_state(rng, key, 12);
    gr_integers(rng, GR_SHAPE(5, 0), 0, 9);
    assert_state(rng, key, 12);
    gr_integers(rng, GR_SHAPE(1000000, 1000000), 0, 9); /* never computed */
    assert_state(rng, key, 12 + UINT64_C(500000000000));
    gr_permutation(rng, 17);
    assert_state(rng, key, 22 + UINT64_C(500000000000));
    gr_rng_free(rng);
}

/* A draw that is refused takes none. */
Test(core_random, a_failed_call_leaves_the_state)
{
    gr_rng *rng = gr_rng_new(9);
    uint64_t key = gr_rng_get_state(rng).key;
    gr_uniform(rng, GR_SHAPE(5), 1, 0);
    gr_normal(rng, GR_SHAPE(5, -1), 0, 1);
    gr_bernoulli(rng, GR_SHAPE(5), 2);
    assert_state(rng, key, 0);
    gr_rng_free(rng);
}

Test(core_random, a_state_saved_and_restored_continues)
{
    gr_rng *rng = gr_rng_new(10), *other = gr_rng_new(999);
    gr_normal(rng, GR_SHAPE(19), 0, 1);
    gr_rng_state saved = gr_rng_get_state(rng);
    gr_tensor *first = gr_normal(rng, GR_SHAPE(50), 0, 1);
    gr_rng_set_state(other, saved);
    assert_same(first, gr_normal(other, GR_SHAPE(50), 0, 1));
    gr_rng_set_state(rng, saved);
    assert_same(first, gr_normal(rng, GR_SHAPE(50), 0, 1));
    gr_rng_free(rng);
    gr_rng_free(other);
}

/* ---- splits ---- */

Test(core_random, a_split_takes_one_counter_and_starts_anew)
{
    gr_rng *rng = gr_rng_new(11), *same = gr_rng_new(11);
    uint64_t key = gr_rng_get_state(rng).key;
    gr_rng *a = gr_rng_split(rng), *b = gr_rng_split(rng), *c = gr_rng_split(same);
    assert_state(rng, key, 2);
    cr_assert_eq(gr_rng_get_state(a).counter, 0);
    cr_assert_eq(gr_rng_get_state(c).key, gr_rng_get_state(a).key);
    cr_assert_neq(gr_rng_get_state(a).key, gr_rng_get_state(b).key);
    cr_assert_neq(gr_rng_get_state(a).key, key);
    gr_rng_free(rng); /* its splits do not need it */
    assert_same(gr_normal(a, GR_SHAPE(9), 0, 1), gr_normal(c, GR_SHAPE(9), 0, 1));
    gr_rng_free(a);
    gr_rng_free(b);
    gr_rng_free(c);
    gr_rng_free(same);
}

/* The child's key is not among the numbers that a tensor would draw from the same counter. */
Test(core_random, a_split_is_not_made_of_data)
{
    gr_rng *rng = gr_rng_new(12);
    gr_rng_state start = gr_rng_get_state(rng);
    gr_rng *child = gr_rng_split(rng);
    uint64_t key = gr_rng_get_state(child).key;
    gr_rng_set_state(rng, start);
    const int64_t *x = gr_data_i64(gr_integers(rng, GR_SHAPE(4), 0, INT64_C(1) << 32));
    for (int i = 0; i < 4; i++) {
        cr_assert_neq((uint64_t)x[i], key >> 32);
        cr_assert_neq((uint64_t)x[i], key & UINT32_MAX);
    }
    gr_rng_free(rng);
    gr_rng_free(child);
}

/* Parent, children and grandchildren, every pair of them. */
Test(core_random, splits_are_independent)
{
    enum { RNGS = 7, COUNT = 100000 };
    gr_rng *rng[RNGS] = {gr_rng_new(13)};
    gr_tensor *z[RNGS];
    for (int i = 1; i < RNGS; i++) rng[i] = gr_rng_split(rng[(i - 1) / 2]);
    for (int i = 0; i < RNGS; i++) {
        z[i] = gr_normal(rng[i], GR_SHAPE(COUNT), 0, 1);
        for (int j = 0; j < i; j++) {
            double errors = correlation(z[i], z[j]);
            cr_assert(fabs(errors) <= 4.5, "%d and %d: %g standard errors", i, j, errors);
        }
    }
    for (int i = 0; i < RNGS; i++) gr_rng_free(rng[i]);
}

/* ---- what is refused ---- */

static void assert_error(const gr_tensor *t, gr_code code, const char *message)
{
    cr_assert(gr_is_error(t));
    cr_assert_eq(gr_error_code(), code);
    cr_assert_str_eq(gr_error_message(), message);
    gr_error_clear();
}

Test(core_random, uniform_refuses)
{
    gr_rng *rng = gr_rng_new(20);
    gr_shape s = GR_SHAPE(2, 3);
    assert_error(gr_uniform(rng, s, 1, 1), GR_ERROR_VALUE,
                 "gr_uniform: high: got 1, want more than low, 1");
    assert_error(gr_uniform(rng, s, 0.5, -2), GR_ERROR_VALUE,
                 "gr_uniform: high: got -2, want more than low, 0.5");
    assert_error(gr_uniform(rng, s, -INFINITY, 0), GR_ERROR_VALUE,
                 "gr_uniform: low: got -inf, want a finite f32");
    assert_error(gr_uniform(rng, s, 0, 1e39), GR_ERROR_VALUE,
                 "gr_uniform: high: got 1e+39, want a finite f32");
    assert_error(gr_uniform(rng, s, -3e38, 3e38), GR_ERROR_VALUE,
                 "gr_uniform: high - low: got 6e+38, want a finite f32");
    assert_error(gr_uniform(rng, GR_SHAPE(2, -3), 0, 1), GR_ERROR_SHAPE,
                 "gr_uniform: shape: axis 1: got -3, want 0 or more");
    assert_error(gr_uniform(rng, (gr_shape){9, {1}}, 0, 1), GR_ERROR_SHAPE,
                 "gr_uniform: shape: got rank 9, want 0 to 8");
    assert_error(gr_uniform(NULL, s, 0, 1), GR_ERROR_VALUE,
                 "gr_uniform: rng: got NULL, want an rng");
    gr_set_default_dtype(GR_F64);
    cr_assert(!gr_is_error(gr_uniform(rng, s, -3e38, 1e39)));
    assert_error(gr_uniform(rng, s, -1e308, 1e308), GR_ERROR_VALUE,
                 "gr_uniform: high - low: got inf, want a finite f64");
    gr_rng_free(rng);
}

Test(core_random, normal_refuses)
{
    gr_rng *rng = gr_rng_new(21);
    gr_shape s = GR_SHAPE(2, 3);
    assert_error(gr_normal(rng, s, 0, -0.25), GR_ERROR_VALUE,
                 "gr_normal: std: got -0.25, want 0 or more");
    assert_error(gr_normal(rng, s, 0, INFINITY), GR_ERROR_VALUE,
                 "gr_normal: std: got inf, want a finite f32");
    assert_error(gr_normal(rng, s, -1e300, 1), GR_ERROR_VALUE,
                 "gr_normal: mean: got -1e+300, want a finite f32");
    assert_error(gr_normal(NULL, s, 0, 1), GR_ERROR_VALUE, "gr_normal: rng: got NULL, want an rng");
    cr_assert(gr_is_error(gr_normal(rng, s, NAN, 1)));
    gr_error_clear();
    cr_assert(gr_is_error(gr_normal(rng, s, 0, NAN)));
    gr_rng_free(rng);
}

Test(core_random, bernoulli_refuses)
{
    gr_rng *rng = gr_rng_new(22);
    gr_shape s = GR_SHAPE(2, 3);
    assert_error(gr_bernoulli(rng, s, 1.5), GR_ERROR_VALUE,
                 "gr_bernoulli: p: got 1.5, want 0 to 1");
    assert_error(gr_bernoulli(rng, s, -1e-9), GR_ERROR_VALUE,
                 "gr_bernoulli: p: got -1e-09, want 0 to 1");
    assert_error(gr_bernoulli(NULL, s, 0.5), GR_ERROR_VALUE,
                 "gr_bernoulli: rng: got NULL, want an rng");
    cr_assert(gr_is_error(gr_bernoulli(rng, s, NAN)));
    gr_rng_free(rng);
}

Test(core_random, integers_and_permutation_refuse)
{
    gr_rng *rng = gr_rng_new(23);
    assert_error(gr_integers(rng, GR_SHAPE(4), 7, 7), GR_ERROR_VALUE,
                 "gr_integers: high: got 7, want more than low, 7");
    assert_error(gr_integers(rng, GR_SHAPE(4), INT64_MAX, INT64_MIN), GR_ERROR_VALUE,
                 "gr_integers: high: got -9223372036854775808, want more than low, "
                 "9223372036854775807");
    assert_error(gr_integers(NULL, GR_SHAPE(4), 0, 1), GR_ERROR_VALUE,
                 "gr_integers: rng: got NULL, want an rng");
    assert_error(gr_permutation(rng, -4), GR_ERROR_VALUE,
                 "gr_permutation: n: got -4, want 0 or more");
    assert_error(gr_permutation(NULL, 4), GR_ERROR_VALUE,
                 "gr_permutation: rng: got NULL, want an rng");
    gr_rng_free(rng);
}

Test(core_random, null_where_an_rng_stands)
{
    cr_assert_not_null(gr_rng_split(NULL));
    cr_assert_str_eq(gr_error_message(), "gr_rng_split: rng: got NULL, want an rng");
    gr_error_clear();
    cr_assert_eq(gr_rng_get_state(NULL).key, 0);
    cr_assert_str_eq(gr_error_message(), "gr_rng_get_state: rng: got NULL, want an rng");
    gr_error_clear();
    gr_rng_set_state(NULL, (gr_rng_state){1, 2});
    cr_assert_str_eq(gr_error_message(), "gr_rng_set_state: rng: got NULL, want an rng");
    gr_rng_free(NULL);
}

/* What a failed constructor returns is safe everywhere, and silent: the failure has been told. */
Test(core_random, an_rng_without_memory_is_an_error_object)
{
    gr__fail_allocation(1);
    gr_rng *rng = gr_rng_new(24);
    gr__fail_allocation(0);
    cr_assert_not_null(rng);
    cr_assert_eq(gr_error_code(), GR_ERROR_MEMORY);
    cr_assert_str_eq(gr_error_message(), "gr_rng_new: no memory for an rng");
    gr_error_clear();
    gr_rng_set_state(rng, (gr_rng_state){1, 2});
    assert_state(rng, 0, 0);
    cr_assert_eq(gr_rng_split(rng), rng);
    cr_assert(gr_is_error(gr_uniform(rng, GR_SCALAR, 0, 1)));
    cr_assert(gr_is_error(gr_permutation(rng, 3)));
    gr_rng_free(rng);
    gr_rng *next = gr_rng_new(24);
    cr_assert_neq(next, rng, "the error object was freed");
    gr_rng_free(next);
    cr_assert(gr_ok());
}

/* Whichever allocation fails: an error tensor and code, and a state that goes on as if nothing had
 * been, or as if the tensor had been made. */
Test(core_random, a_tensor_without_memory_is_an_error_tensor)
{
    gr_rng *rng = gr_rng_new(25);
    bool failed = true;
    int64_t n = 0;
    while (failed) {
        GR_SCOPE;
        n++;
        gr__fail_allocation(n);
        gr_tensor *t = gr_normal(rng, GR_SHAPE(100 + n, 1000), 0, 1);
        const float *x = gr_data_f32(t);
        gr__fail_allocation(0);
        failed = gr_error_code() == GR_ERROR_MEMORY;
        cr_assert_eq(failed, x == NULL, "allocation %lld: %s", (long long)n, gr_error_message());
        gr_error_clear();
    }
    cr_assert(n > 1);
    gr_rng_free(rng);
}
