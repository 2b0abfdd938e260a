/* The numbers of random tensors, from the kernels themselves: the generator against its authors'
 * vectors, each value against the formula it stands for, and the statistics. Seeds are fixed, so a
 * test passes always or never; thresholds are those that one seed in 10,000 would miss. */
#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/eval/eval.h"
#include "src/kernels/philox.h"

enum { N = 1 << 18, F32 = GR_F32, F64 = GR_F64, I64 = GR_I64 };

static float f32[N];
static double f64[N];
static int64_t i64[N];

/* Counters apart enough for any test. */
static gr__random with(uint64_t key, double a, double b)
{
    return (gr__random){.key = key, .high = 3, .low = UINT64_C(1) << 40, .a = a, .b = b};
}

static gr__random between(uint64_t key, int64_t first, uint64_t span)
{
    gr__random r = with(key, 0, 0);
    r.first = first;
    r.span = span;
    return r;
}

/* The 64 bits that element i is made of. */
static uint32_t high_word(const gr__random *r, int64_t i)
{
    return gr__philox(r->key, r->high + (uint64_t)i / 4, 0).w[i % 4];
}

static uint64_t draw(const gr__random *r, int64_t i)
{
    uint32_t low = gr__philox(r->key, r->low + (uint64_t)i / 4, 0).w[i % 4];
    return (uint64_t)high_word(r, i) << 32 | low;
}

__extension__ typedef unsigned __int128 wide;

static uint64_t below(uint64_t span, uint64_t x)
{
    return (uint64_t)((wide)x * span >> 64);
}

static const gr__kernels *kernels(void)
{
    return gr__kernels_in_use();
}

/* ---- the generator ---- */

/* Known answers of the Random123 distribution for philox4x32, 10 rounds. */
static void assert_words(uint64_t key, uint64_t low, uint64_t high, const uint32_t want[4])
{
    gr__words x = gr__philox(key, low, high);
    cr_assert(memcmp(x.w, want, sizeof x.w) == 0, "got %08x %08x %08x %08x", x.w[0], x.w[1], x.w[2],
              x.w[3]);
}

Test(kernels_random, philox_gives_the_known_answers)
{
    assert_words(0, 0, 0, (uint32_t[]){0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
    assert_words(UINT64_MAX, UINT64_MAX, UINT64_MAX,
                 (uint32_t[]){0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
    assert_words(0x299f31d0a4093822, 0x85a308d3243f6a88, 0x0370734413198a2e,
                 (uint32_t[]){0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

/* ---- each value is its formula ---- */

Test(kernels_random, uniform_is_the_draw_over_two_to_the_64th_cut_to_the_mantissa)
{
    gr__random r = with(5, 0, 1);
    kernels()->uniform[F32](f32, &r, 0, 1001);
    kernels()->uniform[F64](f64, &r, 0, 1001);
    for (int i = 0; i < 1001; i++) {
        cr_assert_eq(f32[i], (float)(high_word(&r, i) >> 8) * 0x1p-24f, "element %d", i);
        cr_assert_eq(f64[i], (double)(draw(&r, i) >> 11) * 0x1p-53, "element %d", i);
    }
}

/* low + (high - low) u, from the same u */
Test(kernels_random, uniform_is_scaled)
{
    gr__random unit = with(5, 0, 1), r = with(5, -2.75, 4.5);
    kernels()->uniform[F64](f64, &unit, 0, 1001);
    kernels()->uniform[F64](f64 + 2000, &r, 0, 1001);
    for (int i = 0; i < 1001; i++) cr_assert_eq(f64[2000 + i], -2.75 + 7.25 * f64[i]);
}

Test(kernels_random, counters_carry_into_their_upper_half)
{
    gr__random r = with(77, 0, 1);
    r.high = UINT32_MAX - 5;
    r.low = UINT64_MAX - 7; /* and wrap */
    kernels()->uniform[F64](f64, &r, 0, 1001);
    for (int i = 0; i < 1001; i++) cr_assert_eq(f64[i], (double)(draw(&r, i) >> 11) * 0x1p-53);
}

/* z = r cos(2 pi u2), r sin(2 pi u2), r = sqrt(-2 log(1 - u1)) */
Test(kernels_random, normal_is_box_and_muller)
{
    gr__random r = with(6, 0.5, 3);
    const double pi = acos(-1);
    kernels()->normal[F64](f64, &r, 0, 20000);
    for (int i = 0; i < 20000; i += 2) {
        double u = (double)(draw(&r, i) >> 11) * 0x1p-53;
        double v = (double)(draw(&r, i + 1) >> 11) * 0x1p-53;
        double radius = sqrt(-2 * log1p(-u)), tolerance = 3e-15 * (1 + radius);
        cr_assert(fabs((f64[i] - 0.5) / 3 - radius * cos(2 * pi * v)) <= tolerance, "at %d", i);
        cr_assert(fabs((f64[i + 1] - 0.5) / 3 - radius * sin(2 * pi * v)) <= tolerance, "at %d", i);
    }
}

Test(kernels_random, bernoulli_is_1_where_the_draw_is_below_p)
{
    gr__random r = with(7, 0.37, 0);
    kernels()->bernoulli[F32](f32, &r, 0, 5000);
    kernels()->bernoulli[F64](f64, &r, 0, 5000);
    for (int i = 0; i < 5000; i++) {
        cr_assert_eq(f32[i], high_word(&r, i) < (uint32_t)(0.37 * 0x1p32 + 0.5) ? 1.0f : 0.0f);
        cr_assert_eq(f64[i], (double)(draw(&r, i) >> 11) * 0x1p-53 < 0.37 ? 1.0 : 0.0);
    }
}

/* floor(draw span / 2^64), for spans with and without a pattern */
Test(kernels_random, integers_are_the_draw_times_the_span)
{
    static const uint64_t spans[] = {1, 2, 3, 10, UINT32_MAX, 1 + (uint64_t)UINT32_MAX, UINT64_MAX};
    for (uint64_t k = 0; k < 100; k++) {
        gr__words w = gr__philox(1, k, 0);
        uint64_t any = ((uint64_t)w.w[0] << 32 | w.w[1]) >> (w.w[2] % 64) | 1;
        gr__random r = between(10 + k, k % 2 ? INT64_MIN : -9, k < 7 ? spans[k] : any);
        kernels()->integers[I64](i64, &r, 0, 300);
        for (int i = 0; i < 300; i++) {
            uint64_t want = (uint64_t)r.first + below(r.span, draw(&r, i));
            cr_assert_eq(i64[i], (int64_t)want, "span %llu", (unsigned long long)r.span);
        }
    }
}

/* ---- a value depends on its index alone ---- */

typedef struct source {
    const char *name;
    gr__source_kernel *kernel;
    size_t size;
    gr__random detail;
} source;

enum { SOURCES = 7 };

static void list_sources(const gr__kernels *k, source list[SOURCES])
{
    source all[SOURCES] = {
        {"uniform f32", k->uniform[F32], 4, with(21, -1, 2)},
        {"uniform f64", k->uniform[F64], 8, with(22, -1, 2)},
        {"normal f32", k->normal[F32], 4, with(23, 0.25, 1.5)},
        {"normal f64", k->normal[F64], 8, with(24, 0.25, 1.5)},
        {"bernoulli f32", k->bernoulli[F32], 4, with(25, 0.4, 0)},
        {"bernoulli f64", k->bernoulli[F64], 8, with(26, 0.4, 0)},
        {"integers i64", k->integers[I64], 8, between(27, -50, 1000)},
    };
    memcpy(list, all, sizeof all);
}

enum { PIECE = 700, GUARD = 64 };

/* The elements first .. first + n - 1 alone are those of the whole, and nothing else is written. */
static void assert_piece(const source *s, const unsigned char *whole, int64_t first, int64_t n)
{
    static unsigned char room[PIECE * 8 + 2 * GUARD];
    size_t bytes = (size_t)n * s->size;

    memset(room, 0xA5, sizeof room);
    s->kernel(room + GUARD, &s->detail, first, n);
    cr_assert(memcmp(room + GUARD, whole + (size_t)first * s->size, bytes) == 0,
              "%s: first %lld, n %lld", s->name, (long long)first, (long long)n);
    for (size_t i = 0; i < GUARD; i++) {
        cr_assert_eq(room[i], 0xA5, "%s wrote before", s->name);
        cr_assert_eq(room[GUARD + bytes + i], 0xA5, "%s wrote behind, n %lld", s->name,
                     (long long)n);
    }
}

Test(kernels_random, any_piece_has_the_numbers_of_the_whole)
{
    static const int64_t sizes[] = {0, 1, 2, 3, 5, 16, 63, 127, 128, 129, 255, 256, 300};
    static unsigned char whole[PIECE * 8];
    source list[SOURCES];
    list_sources(kernels(), list);
    for (int k = 0; k < SOURCES; k++) {
        list[k].kernel(whole, &list[k].detail, 0, PIECE);
        for (int64_t first = 0; first < 260; first += first < 10 ? 1 : 7) {
            for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
                assert_piece(&list[k], whole, first, sizes[i]);
            }
        }
    }
}

/* Element 2^34 + 3 of one tensor is element 3 of the tensor whose counters start 2^32 later. */
Test(kernels_random, far_elements)
{
    source list[SOURCES];
    list_sources(kernels(), list);
    for (int k = 0; k < SOURCES; k++) {
        gr__random later = list[k].detail;
        later.high += UINT64_C(1) << 32;
        later.low += UINT64_C(1) << 32;
        list[k].kernel(f64, &list[k].detail, (INT64_C(1) << 34) + 3, 200);
        list[k].kernel(f64 + 1000, &later, 3, 200);
        cr_assert(memcmp(f64, f64 + 1000, 200 * list[k].size) == 0, "%s", list[k].name);
    }
}

#if defined(__x86_64__)
/* With fma or without, only the normal numbers may differ, and those in the last bits. */
Test(kernels_random, every_instruction_set_gives_the_same_bits)
{
    source v1[SOURCES], v3[SOURCES], v4[SOURCES];
    bool has_v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    bool has_v4 = has_v3 && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    list_sources(&gr__kernels_v1, v1);
    list_sources(&gr__kernels_v3, v3);
    list_sources(&gr__kernels_v4, v4);
    for (int k = 0; k < SOURCES && has_v3; k++) {
        enum { COUNT = 50001 };
        bool normal = strstr(v1[k].name, "normal") != NULL;
        v3[k].kernel(f64, &v3[k].detail, 7, COUNT);
        v1[k].kernel(f64 + N / 2, &v1[k].detail, 7, COUNT);
        cr_assert(normal || memcmp(f64, f64 + N / 2, COUNT * v1[k].size) == 0, "%s: v1, v3",
                  v1[k].name);
        if (!has_v4) continue;
        v4[k].kernel(f64 + N / 2, &v4[k].detail, 7, COUNT);
        cr_assert(memcmp(f64, f64 + N / 2, COUNT * v1[k].size) == 0, "%s: v3, v4", v1[k].name);
    }
}
#endif

/* ---- f32 is nearly the rounding of f64 ---- */

Test(kernels_random, uniform_f32_is_close_to_f64)
{
    gr__random r = with(31, -3, 5);
    kernels()->uniform[F32](f32, &r, 0, N);
    kernels()->uniform[F64](f64, &r, 0, N);
    for (int i = 0; i < N; i++) cr_assert(fabs((double)f32[i] - f64[i]) <= 8 * 0x1p-23, "at %d", i);
}

/* 1 - u1 = v = exp(-r^2 / 2) is known to 2^-32 and, as a float, to 2^-25 of itself; dr = dv / (v
 * r). The rest are roundings of log, sqrt, cos and sin. */
Test(kernels_random, normal_f32_is_close_to_f64)
{
    gr__random r = with(32, 0, 1);
    kernels()->normal[F32](f32, &r, 0, N);
    kernels()->normal[F64](f64, &r, 0, N);
    for (int i = 0; i < N; i++) {
        double radius = hypot(f64[i & ~1], f64[i | 1]), v = exp(-radius * radius / 2);
        double bound = (0x1p-32 / v + 0x1p-24) / radius + 0x1p-21 * radius;
        cr_assert(fabs((double)f32[i] - f64[i]) <= bound, "at %d: %.9g, %.9g", i, (double)f32[i],
                  f64[i]);
    }
}

Test(kernels_random, bernoulli_f32_is_bernoulli_f64)
{
    gr__random r = with(33, 0.6, 0);
    kernels()->bernoulli[F32](f32, &r, 0, N);
    kernels()->bernoulli[F64](f64, &r, 0, N);
    for (int i = 0; i < N; i++) cr_assert_eq((double)f32[i], f64[i]); /* but for one draw in 2^32 */
}

/* ---- ranges ---- */

Test(kernels_random, uniform_stays_below_high)
{
    static const double ranges[][2] = {
        {1, 2},  {0, 0x1p-140}, {1, 1 + 0x1p-22},     {0.1, 0.3},     {-1e30, -0.9999e30},
        {-3, 0}, {1e-45, 1e-3}, {16777215, 16777217}, {1, 1 + 1e-12}, {-0x1p-149, 0x1p-149}};
    for (size_t k = 0; k < sizeof ranges / sizeof *ranges; k++) {
        double low = ranges[k][0], high = ranges[k][1];
        gr__random r = with(40 + k, low, high);
        kernels()->uniform[F32](f32, &r, 0, N);
        kernels()->uniform[F64](f64, &r, 0, N);
        for (int i = 0; i < N; i++) {
            cr_assert(f32[i] >= (float)low && (double)f32[i] < high, "f32 [%g, %g): %.9g", low,
                      high, (double)f32[i]);
            cr_assert(f64[i] >= low && f64[i] < high, "f64 [%g, %g): %.17g", low, high, f64[i]);
        }
    }
}

Test(kernels_random, certain_and_impossible)
{
    for (int p = 0; p <= 1; p++) {
        gr__random r = with(60, p, 0);
        kernels()->bernoulli[F32](f32, &r, 0, N);
        kernels()->bernoulli[F64](f64, &r, 0, N);
        for (int i = 0; i < N; i++) cr_assert(f32[i] == (float)p && f64[i] == p);
    }
}

Test(kernels_random, normal_is_finite_and_std_0_is_the_mean)
{
    gr__random r = with(61, 0, 1), flat = with(61, -2.5, 0);
    kernels()->normal[F32](f32, &r, 0, N);
    for (int i = 0; i < N; i++) cr_assert(fabsf(f32[i]) <= 6.67f, "%g", (double)f32[i]);
    kernels()->normal[F64](f64, &r, 0, N);
    for (int i = 0; i < N; i++) cr_assert(fabs(f64[i]) <= 8.58, "%g", f64[i]);
    kernels()->normal[F32](f32, &flat, 0, 1000);
    for (int i = 0; i < 1000; i++) cr_assert_eq(f32[i], -2.5f);
}

/* Two of 2^32 draws, found by search: element 2 of a tensor from these counters has 1 - u = 2^-32,
 * the smallest, and 1, the largest. */
Test(kernels_random, normal_of_the_extreme_draws)
{
    gr__random r = {.high = 2024541361, .low = 9, .a = 0.5, .b = 1};
    cr_assert_eq(high_word(&r, 2), UINT32_MAX);
    kernels()->normal[F32](f32, &r, 0, 4);
    cr_assert_float_eq(hypotf(f32[2] - 0.5f, f32[3] - 0.5f), sqrtf(64 * logf(2)), 1e-5);
    r.high = 3230741590;
    cr_assert_eq(high_word(&r, 2), 0);
    kernels()->normal[F32](f32, &r, 0, 4);
    cr_assert(f32[2] == 0.5f && f32[3] == 0.5f);
}

/* ---- statistics ---- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Kolmogorov and Smirnov: sqrt(n) times the largest distance of the distributions exceeds 2.23 with
 * probability 2 exp(-2 * 2.23^2) = 1e-4. Sorts x. */
static void assert_distribution(double *x, int n, double (*cdf)(double), const char *what)
{
    double distance = 0;
    qsort(x, (size_t)n, sizeof *x, by_value);
    for (int i = 0; i < n; i++) {
        double f = cdf(x[i]);
        distance = fmax(distance, fmax(f - (double)i / n, (double)(i + 1) / n - f));
    }
    cr_assert(distance * sqrt(n) <= 2.23, "%s: %g", what, distance * sqrt(n));
}

/* The quantile of chi-square that one in 10,000 exceeds (Wilson and Hilferty, 1931). */
static void assert_chi_square(const int64_t *count, int cells, double expected, const char *what)
{
    double sum = 0, k = cells - 1, w = 1 - 2 / (9 * k) + 3.719 * sqrt(2 / (9 * k));
    for (int i = 0; i < cells; i++) {
        double d = (double)count[i] - expected;
        sum += d * d / expected;
    }
    cr_assert(sum <= k * w * w * w, "%s: chi-square %g of %d cells", what, sum, cells);
}

/* A mean of n values of deviation `deviation` lies within 3.9 standard errors of its
 * expectation. */
static void assert_mean(double sum, int n, double expected, double deviation, const char *what)
{
    double z = (sum / n - expected) * sqrt(n) / deviation;
    cr_assert(fabs(z) <= 3.9, "%s: %g standard errors off", what, z);
}

static double unit_cdf(double x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

static double normal_cdf(double x)
{
    return 0.5 * erfc(-x / sqrt(2));
}

static void to_double(void)
{
    for (int i = 0; i < N; i++) f64[i] = (double)f32[i];
}

Test(kernels_random, uniform_is_uniform)
{
    for (uint64_t key = 100; key < 105; key++) {
        gr__random r = with(key, 0, 1);
        kernels()->uniform[F64](f64, &r, 0, N);
        assert_distribution(f64, N, unit_cdf, "uniform f64");
        kernels()->uniform[F32](f32, &r, 0, N);
        to_double();
        assert_distribution(f64, N, unit_cdf, "uniform f32");
    }
}

Test(kernels_random, normal_is_normal)
{
    for (uint64_t key = 110; key < 115; key++) {
        gr__random r = with(key, 0, 1);
        kernels()->normal[F64](f64, &r, 0, N);
        assert_distribution(f64, N, normal_cdf, "normal f64");
        kernels()->normal[F32](f32, &r, 0, N);
        to_double();
        assert_distribution(f64, N, normal_cdf, "normal f32");
    }
}

/* E z = 0, E z^2 = 1, E z^3 = 0, E z^4 = 3, with variances 1, 2, 15, 96. */
Test(kernels_random, normal_has_its_moments)
{
    for (uint64_t key = 120; key < 125; key++) {
        gr__random r = with(key, 2, 0.5);
        double sum[5] = {0};
        kernels()->normal[F32](f32, &r, 0, N);
        for (int i = 0; i < N; i++) {
            double z = ((double)f32[i] - 2) / 0.5, power = 1;
            for (int k = 1; k <= 4; k++) sum[k] += power *= z;
        }
        assert_mean(sum[1], N, 0, 1, "mean");
        assert_mean(sum[2], N, 1, sqrt(2), "variance");
        assert_mean(sum[3], N, 0, sqrt(15), "third moment");
        assert_mean(sum[4], N, 3, sqrt(96), "fourth moment");
    }
}

/* Neighbours, and the words of neighbouring counters, are not correlated, nor are their squares. */
Test(kernels_random, elements_are_independent)
{
    gr__random r = with(130, 0, 1);
    kernels()->normal[F64](f64, &r, 0, N);
    for (int lag = 1; lag <= 9; lag++) {
        double product = 0, squares = 0;
        for (int i = 0; i + lag < N; i++) {
            product += f64[i] * f64[i + lag];
            squares += (f64[i] * f64[i] - 1) * (f64[i + lag] * f64[i + lag] - 1);
        }
        assert_mean(product, N - lag, 0, 1, "products");
        assert_mean(squares, N - lag, 0, 2, "products of squares");
    }
}

Test(kernels_random, pairs_fill_the_square_evenly)
{
    int64_t count[1024] = {0};
    gr__random r = with(131, 0, 32);
    kernels()->uniform[F32](f32, &r, 0, N);
    for (int i = 0; i < N; i += 2) count[(int)f32[i] * 32 + (int)f32[i + 1]]++;
    assert_chi_square(count, 1024, N / 2 / 1024.0, "pairs");
}

Test(kernels_random, tensors_of_neighbouring_keys_and_counters_are_unrelated)
{
    gr__random a = with(140, 0, 1), key = with(141, 0, 1), counter = a;
    counter.high += N / 4;
    gr__random others[] = {key, counter};
    kernels()->normal[F32](f32, &a, 0, N);
    for (int k = 0; k < 2; k++) {
        double product = 0;
        kernels()->normal[F64](f64, &others[k], 0, N);
        for (int i = 0; i < N; i++) product += (double)f32[i] * f64[i];
        assert_mean(product, N, 0, 1, k ? "counters" : "keys");
    }
}

Test(kernels_random, bernoulli_has_its_mean)
{
    static const double p[] = {0.001, 0.1, 0.5, 0.93};
    for (uint64_t k = 0; k < 4; k++) {
        gr__random r = with(150 + k, p[k], 0);
        double sum = 0;
        kernels()->bernoulli[F32](f32, &r, 0, N);
        for (int i = 0; i < N; i++) sum += (double)f32[i];
        assert_mean(sum, N, p[k], sqrt(p[k] * (1 - p[k])), "bernoulli");
    }
}

Test(kernels_random, integers_are_uniform)
{
    static const int spans[] = {2, 3, 10, 97, 1000};
    for (uint64_t k = 0; k < 5; k++) {
        int64_t count[1000] = {0};
        gr__random r = between(160 + k, -40, (uint64_t)spans[k]);
        kernels()->integers[I64](i64, &r, 0, N);
        for (int i = 0; i < N; i++) {
            cr_assert(i64[i] >= -40 && i64[i] < -40 + spans[k]);
            count[i64[i] + 40]++;
        }
        assert_chi_square(count, spans[k], (double)N / spans[k], "integers");
    }
}

/* ---- permutations ---- */

static void permute(uint64_t key, int64_t n)
{
    gr__random r = with(key, 0, 0);
    gr__array out = {.data = i64, .dtype = GR_I64, .rank = 1, .count = n, .dims = {n}};
    gr__fault fault = {0};
    out.strides[0] = 1;
    i64[n] = -5;
    kernels()->permutation[I64](&out, NULL, &r, 1, &fault);
    cr_assert(!fault.found);
    cr_assert_eq(i64[n], -5, "wrote behind");
}

Test(kernels_random, a_permutation_has_every_number_once)
{
    static const int64_t sizes[] = {0, 1, 2, 3, 7, 127, 128, 129, 1000, 65537};
    static bool seen[65537];
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        permute(200 + k, sizes[k]);
        memset(seen, 0, sizeof seen);
        for (int64_t i = 0; i < sizes[k]; i++) {
            cr_assert(i64[i] >= 0 && i64[i] < sizes[k] && !seen[i64[i]], "n %lld, at %lld",
                      (long long)sizes[k], (long long)i);
            seen[i64[i]] = true;
        }
    }
}

/* Inside out: i stands at j = floor(draw (i + 1) / 2^64), and what stood there at i. */
Test(kernels_random, a_permutation_is_fisher_and_yates)
{
    static int64_t want[1000];
    gr__random r = with(210, 0, 0);
    for (int i = 0; i < 1000; i++) {
        uint64_t j = below((uint64_t)i + 1, draw(&r, i));
        want[i] = want[j];
        want[j] = i;
    }
    permute(210, 1000);
    cr_assert(memcmp(i64, want, sizeof want) == 0);
}

/* Each of the 24 orders of 4 numbers comes as often as the others. */
Test(kernels_random, every_permutation_is_as_likely)
{
    enum { TIMES = 48000 };
    int64_t count[24] = {0};
    for (uint64_t key = 0; key < TIMES; key++) {
        permute(key, 4);
        int rank = 0;
        for (int i = 0; i < 4; i++) {
            int smaller = 0;
            for (int j = i + 1; j < 4; j++) smaller += i64[j] < i64[i];
            rank = rank * (4 - i) + smaller;
        }
        count[rank]++;
    }
    assert_chi_square(count, 24, TIMES / 24.0, "orders of 4");
}

/* Where a number goes, in a longer permutation: 0, the last, and one in the middle. */
Test(kernels_random, every_number_goes_everywhere)
{
    enum { TIMES = 20000, LENGTH = 150 };
    static const int followed[] = {0, 77, LENGTH - 1};
    int64_t count[3][LENGTH] = {{0}};
    for (uint64_t key = 0; key < TIMES; key++) {
        permute(1000000 + key, LENGTH);
        for (int64_t i = 0; i < LENGTH; i++) {
            for (int k = 0; k < 3; k++) count[k][i] += i64[i] == followed[k];
        }
    }
    for (int k = 0; k < 3; k++) {
        assert_chi_square(count[k], LENGTH, (double)TIMES / LENGTH, "places");
    }
}
