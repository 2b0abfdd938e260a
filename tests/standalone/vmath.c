/*
 * The functions of vmath.h against MPFR: the largest error in ulp of each, in both precisions, over
 * special values, neighbours of thresholds, strided floats and random doubles. `--all` walks every
 * float and ten million doubles; a last argument picks one function. A result must also have the
 * same bits wherever it stands in a loop. The column of bits is a hash of all results: equal for
 * gcc and clang and for every instruction set with fma. Without MPFR the doubles are skipped.
 */
#include "src/kernels/kernels.h"
#include "src/kernels/vmath.h"

#include <float.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/standalone/vmath_references.h"

enum { BLOCK = 4096 };

typedef void loop32(int n, const float *restrict x, float *restrict y);
typedef void loop64(int n, const double *restrict x, double *restrict y);

#define LOOP32(name) \
    static void name##_loop32(int n, const float *restrict x, float *restrict y) \
    { \
        for (int i = 0; i < n; i++) y[i] = v_##name(x[i]); \
    }
#define LOOPS(name) \
    LOOP32(name) \
    static void name##_loop64(int n, const double *restrict x, double *restrict y) \
    { \
        for (int i = 0; i < n; i++) y[i] = v_##name(x[i]); \
    }

/* What is no single formula, so that the kernel has to be asked. */
#if defined(__x86_64__) && defined(__FMA__)
#define KERNELS gr__kernels_v3
#else
#define KERNELS gr__kernels_v1
#endif
#define LOOP_AND_KERNEL(name) \
    LOOP32(name) \
    static void name##_loop64(int n, const double *restrict x, double *restrict y) \
    { \
        KERNELS.gr_##name[0][GR_F64](y, x, NULL, NULL, n); \
    }

LOOPS(exp)
LOOPS(exp2)
LOOPS(expm1)
LOOPS(log)
LOOPS(log2)
LOOPS(log1p)
LOOPS(tanh)
LOOPS(sigmoid)
LOOPS(softplus)
LOOPS(logsigmoid)
LOOPS(log_cosh)
LOOPS(erf)
LOOP_AND_KERNEL(sin)
LOOP_AND_KERNEL(cos)
LOOPS(sinpi)
LOOPS(cospi)
LOOPS(log10)
LOOPS(cbrt)
LOOP_AND_KERNEL(tan)
LOOPS(asin)
LOOPS(acos)
LOOPS(atan)
LOOPS(sinh)
LOOPS(cosh)
LOOPS(asinh)
LOOPS(acosh)
LOOPS(atanh)
LOOPS(log1mexp)
LOOPS(silu)
LOOPS(mish)
LOOPS(gelu)
LOOPS(gelu_tanh)
LOOPS(tanhshrink)
LOOPS(erfc)
LOOPS(ndtr)
LOOPS(log_ndtr)
LOOPS(lgamma)
LOOPS(digamma)

#define LOOPS2(name) \
    static void name##_loop32(int n, const float *restrict x, float *restrict y) \
    { \
        float z[BLOCK]; \
        for (int i = 0; i < n; i++) z[i] = (float)beside((double)x[i]); \
        for (int i = 0; i < n; i++) y[i] = v_##name(x[i], z[i]); \
    } \
    static void name##_loop64(int n, const double *restrict x, double *restrict y) \
    { \
        double z[BLOCK]; \
        for (int i = 0; i < n; i++) z[i] = beside(x[i]); \
        for (int i = 0; i < n; i++) y[i] = v_##name(x[i], z[i]); \
    }

LOOPS2(pow)
LOOPS2(hypot)
LOOPS2(atan2)

#if WITH_MPFR
#define EXACT_OR_NULL(name) name##_exact
#else
#define EXACT_OR_NULL(name) NULL
#endif

typedef struct {
    const char *name;
    loop32 *f32;
    loop64 *f64;
    double (*near)(double x); /* NULL: f64, which has the test that matters */
    void (*exact)(mpfr_t y, const mpfr_t x);
    double bound32, bound64; /* ulp */
    double range64;          /* doubles are measured for |x| up to here */
    bool zeros;              /* below 0, where no error is counted in ulps of less than 8 */
    bool angle;              /* in radians; beyond range64 there is a walk of its own */
} function;

#define ROW(name, near, bound32, bound64, range64) \
    { \
#name, name##_loop32, name##_loop64, near, EXACT_OR_NULL(name), bound32, bound64, range64, \
            false, false \
    }
#define ANGLE(name, bound32, bound64) \
    { \
#name, name##_loop32, name##_loop64, name, EXACT_OR_NULL(name), bound32, bound64, 0x1p27, \
            false, true \
    }
#define GAMMA(name, bound32, bound64, range64) \
    { \
#name, name##_loop32, name##_loop64, NULL, EXACT_OR_NULL(name), bound32, bound64, range64, \
            true, false \
    }

static const function functions[] = {
    ROW(exp, exp, 1.2, 1.1, INFINITY),
    ROW(exp2, exp2, 1.2, 1.3, INFINITY),
    ROW(expm1, expm1, 1.5, 1.3, INFINITY),
    ROW(log, log, 1.0, 1.0, INFINITY),
    ROW(log2, log2, 1.5, 1.4, INFINITY),
    ROW(log1p, log1p, 1.5, 1.5, INFINITY),
    ROW(tanh, tanh, 1.6, 1.6, INFINITY),
    ROW(sigmoid, sigmoid_near, 2.0, 1.9, INFINITY),
    ROW(softplus, softplus_near, 1.9, 1.9, INFINITY),
    ROW(logsigmoid, logsigmoid_near, 1.9, 1.9, INFINITY),
    ROW(log_cosh, log_cosh_near, 2.0, 1.8, INFINITY),
    ROW(erf, erf, 1.7, 1.4, INFINITY),
    ANGLE(sin, 1.7, 1.4),
    ANGLE(cos, 1.6, 1.4),
    ROW(sinpi, sinpi_near, 1.8, 1.7, INFINITY),
    ROW(cospi, cospi_near, 1.8, 1.7, INFINITY),
    ROW(log10, log10, 0.6, 0.6, INFINITY),
    ROW(cbrt, cbrt, 0.6, 0.9, INFINITY),
    ANGLE(tan, 0.6, 1.9),
    ROW(asin, asin, 1.2, 1.2, INFINITY),
    ROW(acos, acos, 1.2, 1.2, INFINITY),
    ROW(atan, atan, 1.3, 1.2, INFINITY),
    ROW(sinh, sinh, 1.7, 1.7, INFINITY),
    ROW(cosh, cosh, 1.6, 1.4, INFINITY),
    ROW(asinh, asinh, 0.6, 1.6, INFINITY),
    ROW(acosh, acosh, 0.6, 1.9, INFINITY),
    ROW(atanh, atanh, 0.6, 1.5, INFINITY),
    ROW(log1mexp, log1mexp_near, 0.6, 1.1, INFINITY),
    ROW(silu, silu_near, 2.7, 2.6, INFINITY),
    ROW(mish, mish_near, 3.6, 3.2, INFINITY),
    ROW(gelu, gelu_near, 2.0, 5.3, INFINITY),
    ROW(gelu_tanh, gelu_tanh_near, 2.9, 3.1, INFINITY),
    ROW(tanhshrink, tanhshrink_near, 2.3, 2.5, INFINITY),
    ROW(erfc, NULL, 0.51, 4.7, INFINITY),
    ROW(ndtr, NULL, 0.51, 4.7, INFINITY),
    ROW(log_ndtr, NULL, 0.51, 5.2, INFINITY),
    GAMMA(lgamma, 0.51, 6.8, 0x1p1000),
    GAMMA(digamma, 0.51, 4.6, 0x1p1000),
    ROW(pow, pow_near, 0.6, 1.4, INFINITY),
    ROW(hypot, hypot_near, 0.6, 1.2, INFINITY),
    ROW(atan2, atan2_near, 1.5, 1.6, INFINITY),
};
enum { FUNCTIONS = sizeof functions / sizeof functions[0] };

/* Where the functions change formula, overflow, vanish or cross an integer. */
static const double special[] = {
    0,
    0x1p-149,
    0x1p-126,
    0x1p-1074,
    0x1p-1022,
    0x1p-54,
    0x1p-53,
    0x1p-25,
    0x1p-24,
    0x1p-12,
    0.25,
    0.34657359027997264,
    0.41421356237309503,
    0.4142,
    0.5,
    0.5625,
    0.70710678118654757,
    0.75,
    0.78539816339744828,
    0.875,
    1,
    1.0397207708399179,
    1.09375,
    1.4142135623730951,
    1.5,
    1.5707963267948966,
    2,
    2.3561944901923448,
    3,
    3.1415926535897931,
    3.9,
    5.92,
    6.2831853071795862,
    9,
    9.5,
    16.635532333438686,
    17,
    18,
    19.06,
    20,
    22,
    25,
    36.7,
    38,
    40,
    87.3365447505531,
    88.02969193111305,
    88.72283905206835,
    89,
    100,
    103.2789,
    103.97208,
    104,
    105,
    126,
    127,
    128,
    149,
    150,
    151,
    355,
    708.3964185322641,
    709.08956571282408,
    709.78271289338397,
    710,
    744.44007192138122,
    745.13321910194111,
    746,
    1000,
    1022,
    1023,
    1024,
    1074,
    1075,
    1076,
    1e5,
    0x1p20,
    0x1p22,
    0x1p23,
    0x1p24,
    0x1p31,
    0x1p32,
    0x1p51,
    0x1p52,
    0x1p53,
    0x1p54,
    0x1p63,
    0x1p64,
    0x1p126,
    0x1.6a09e6p127,
    FLT_MAX,
    0x1p1022,
    0x1.6a09e667f3bcdp1023,
    DBL_MAX,
    INFINITY,
};
enum { SPECIALS = sizeof special / sizeof special[0] };

typedef struct {
    double ulp; /* largest error seen */
    double x;   /* where */
} worst;

static void keep_worst(worst *w, double ulp, double x)
{
    if (!(ulp <= w->ulp)) *w = (worst){isnan(ulp) ? INFINITY : ulp, x};
}

/* Error in ulp of y as an approximation of `reference`; infinite for a wrong sign, limit or NaN. */
static double error32(float y, double reference)
{
    if (isnan(reference) || isnan(y)) return isnan(reference) && isnan(y) ? 0 : INFINITY;
    if ((double)y == reference) return !signbit(y) == !signbit(reference) ? 0 : INFINITY;
    if (isinf(reference) || reference == 0 || !signbit(y) != !signbit(reference)) return INFINITY;
    if (isinf(y) && fabs(reference) >= 0x1p128) return 0;
    int exponent = ilogb(reference);
    exponent = exponent < -126 ? -126 : exponent;
    double value = isinf(y) ? copysign(0x1p128, y) : (double)y;
    return fabs(value - reference) / ldexp(1, exponent - 23);
}

#if WITH_MPFR

typedef struct {
    mpfr_t x, reference, difference;
} workspace;

static void workspace_init(workspace *w)
{
    mpfr_inits2(160, w->x, w->reference, w->difference, (mpfr_ptr)0);
}

static void workspace_clear(workspace *w)
{
    mpfr_clears(w->x, w->reference, w->difference, (mpfr_ptr)0);
    mpfr_free_cache();
}

/* The same against MPFR's f(x), in a format of `digits` bits whose smallest normal number is
   2^lowest. */
static double error_exact(workspace *w, const function *f, double x, double y, int digits,
                          int lowest)
{
    int highest = 1 - lowest;
    mpfr_set_d(w->x, x, MPFR_RNDN);
    f->exact(w->reference, w->x);
    if (mpfr_nan_p(w->reference) || isnan(y))
        return mpfr_nan_p(w->reference) && isnan(y) ? 0 : INFINITY;
    if (!mpfr_signbit(w->reference) != !signbit(y)) return INFINITY;
    if (!mpfr_regular_p(w->reference)) return mpfr_cmp_d(w->reference, y) == 0 ? 0 : INFINITY;
    long exponent = mpfr_get_exp(w->reference) - 1;
    if (isinf(y) && exponent > highest) return 0;
    lowest = f->zeros && x < 0 ? 3 : lowest;
    exponent = exponent < lowest ? lowest : exponent;
    if (isinf(y))
        mpfr_set_si_2exp(w->difference, y < 0 ? -1 : 1, highest + 1, MPFR_RNDN);
    else
        mpfr_set_d(w->difference, y, MPFR_RNDN);
    mpfr_sub(w->difference, w->difference, w->reference, MPFR_RNDN);
    mpfr_mul_2si(w->difference, w->difference, digits - 1 - exponent, MPFR_RNDN);
    return fabs(mpfr_get_d(w->difference, MPFR_RNDN));
}

#endif

/* The i-th test double: the special values and their neighbours first, then by turns any bits, a
   logarithmic range about 1, an even range about 0, points close to a special value and points
   close to multiples of pi / 4, ln 2 / 2 and 1/4. */
static double sample64(uint64_t i)
{
    static const double period[] = {0.78539816339744828, 0.34657359027997264, 0.25};
    uint64_t random = mix(i);
    double unit = (double)(random >> 11) * 0x1p-53, sign = random & 1 ? 1 : -1;
    double ulps = (double)(int)(mix(random) % 5 - 2) * 0x1p-52;
    if (i < 10 * SPECIALS)
        return (i % 2 ? -1 : 1) * special[i / 10] * (1 + (double)(i / 2 % 5) * 0x1p-52 - 0x1p-51);
    switch (i % 5) {
    case 0: return gr__from_bits64(random);
    case 1: return sign * exp2(50 * unit - 40);
    case 2: return sign * unit * (i % 3 == 0 ? 2.0 : i % 3 == 1 ? 40.0 : 800.0);
    case 3:
        return sign * special[mix(random) % SPECIALS] *
               (1 + (unit - 0.5) * exp2(-(double)(random >> 4 & 63)));
    default: return sign * rint(exp2(27 * unit)) * period[i % 3] * (1 + ulps);
    }
}

/* The i-th angle beyond 2^27: those that come nearest to a multiple of pi / 2, up to 2^-61.5 of it,
   powers of two, and the neighbours of both, then random ones. Some are ordinary, as neighbours. */
static double sample_far(uint64_t i)
{
    static const double steep[] = {
        0x1.6ac5b262ca1ffp+849, 0x1.6ac5b262ca1ffp+850, 0x1.504cac51f1eafp+131,
        0x1.6ac5b262ca1ffp+851, 0x1.e009c53148be1p+991, 0x1.4c96c11134d36p+577,
        0x1.cfe482285f8edp+860, 0x1.db41f3cb71d7bp+680, 0x1.e7e44a78ac18cp+197,
        0x1.c45cd11154dfdp+295, 0x1.504cac51f1eafp+132, 0x1.83009e2e9e2ebp+614,
        0x1.b2196364d750bp+253, 0x1.69eab0985179bp+246, 0x1.782b7a20df6d4p+67,
        0x1.66bd5424e5655p+90,  0x1.4117573397d42p+939, 0x1.61a3db8c8d129p+1021,
    };
    enum { HARD = sizeof steep / sizeof steep[0], POWERS = 1024 - 27 };
    uint64_t random = mix(i), k = i / 6;
    double sign = i % 2 ? -1 : 1, beside = 1 + (double)(i / 2 % 3) * 0x1p-52 - 0x1p-52;
    if (k < HARD) return sign * steep[k] * beside;
    if (k < HARD + POWERS) return sign * ldexp(1, 27 + (int)(k - HARD)) * beside;
    if (i % 16 == 0) return sample64(i);
    return sign * ldexp(1 + (double)(random >> 12) * 0x1p-52, 27 + (int)(mix(random) % POWERS));
}

static float sample32(uint64_t i, uint64_t stride)
{
    uint64_t specials = 10 * SPECIALS;
    if (i < specials) return (float)sample64(i);
    return gr__from_bits32((uint32_t)((i - specials) * stride));
}

typedef struct {
    worst worst;
    uint64_t bits; /* sum of a hash of every result, NaNs taken as equal */
} finding;

static void merge(finding *into, const finding *from)
{
    keep_worst(&into->worst, from->worst.ulp, from->worst.x);
    into->bits += from->bits;
}

static void walk_block32(const function *f, uint64_t first, int n, uint64_t stride, finding *out)
{
    float x[BLOCK] = {0}, y[BLOCK];
    double wide[BLOCK] = {0}, near[BLOCK];
    for (int i = 0; i < n; i++) wide[i] = (double)(x[i] = sample32(first + (uint64_t)i, stride));
    f->f32(n, x, y);
    f->f64(n, wide, near);
    for (int i = 0; i < n; i++) {
        double reference = f->near ? f->near(wide[i]) : near[i];
        keep_worst(&out->worst, error32(y[i], reference), wide[i]);
        out->bits += mix(isnan(y[i]) ? 1 : gr__to_bits32(y[i]) + first + (uint64_t)i);
    }
}

/* Every stride-th float, and the special values; at the worst one the two references must agree. */
static finding walk32(const function *f, uint64_t stride)
{
    finding all = {{-1, 0}, 0};
    int64_t count = 10 * SPECIALS + (int64_t)((0xffffffffu + stride) / stride);
#pragma omp parallel
    {
        finding mine = {{-1, 0}, 0};
#pragma omp for schedule(dynamic, 64)
        for (int64_t first = 0; first < count; first += BLOCK)
            walk_block32(f, (uint64_t)first, (int)(count - first < BLOCK ? count - first : BLOCK),
                         stride, &mine);
#pragma omp critical
        merge(&all, &mine);
    }
#if WITH_MPFR
    workspace w;
    workspace_init(&w);
    float x = (float)all.worst.x, y;
    f->f32(1, &x, &y);
    double ulp = error_exact(&w, f, (double)x, (double)y, 24, -126);
    if (!(fabs(ulp - all.worst.ulp) < 0.01)) all.worst.ulp = INFINITY;
    workspace_clear(&w);
#endif
    return all;
}

#if WITH_MPFR

static void walk_block64(const function *f, bool far, uint64_t first, int n, workspace *w,
                         finding *out)
{
    double x[BLOCK] = {0}, y[BLOCK], range = far ? INFINITY : f->range64;
    for (int i = 0; i < n; i++) {
        double sample = (far ? sample_far : sample64)(first + (uint64_t)i);
        x[i] = fabs(sample) <= range || !isfinite(sample) ? sample : fmod(sample, range);
    }
    f->f64(n, x, y);
    for (int i = 0; i < n; i++) {
        keep_worst(&out->worst, error_exact(w, f, x[i], y[i], 53, -1022), x[i]);
        out->bits += mix(isnan(y[i]) ? 1 : gr__to_bits64(y[i]) + first + (uint64_t)i);
    }
}

static finding walk64(const function *f, bool far, int64_t count)
{
    finding all = {{-1, 0}, 0};
#pragma omp parallel
    {
        workspace w;
        workspace_init(&w);
        finding mine = {{-1, 0}, 0};
#pragma omp for schedule(dynamic, 1)
        for (int64_t first = 0; first < count; first += BLOCK)
            walk_block64(f, far, (uint64_t)first,
                         (int)(count - first < BLOCK ? count - first : BLOCK), &w, &mine);
#pragma omp critical
        merge(&all, &mine);
        workspace_clear(&w);
    }
    return all;
}

#endif

/* Do loops of 1 to 67 elements give the bits that a long loop gives? */
static bool tail_is_body(const function *f)
{
    float x32[BLOCK], y32[BLOCK], z32[BLOCK];
    double x64[BLOCK], y64[BLOCK], z64[BLOCK];
    for (int i = 0; i < BLOCK; i++) {
        x32[i] = sample32((uint64_t)i, 1048573);
        x64[i] = sample64((uint64_t)i);
    }
    f->f32(BLOCK, x32, y32);
    f->f64(BLOCK, x64, y64);
    for (int first = 0, n = 1; first < BLOCK; first += n, n = n % 67 + 1) {
        n = n < BLOCK - first ? n : BLOCK - first;
        f->f32(n, x32 + first, z32 + first);
        f->f64(n, x64 + first, z64 + first);
    }
    for (int i = 0; i < BLOCK; i++) {
        bool same32 = gr__to_bits32(y32[i]) == gr__to_bits32(z32[i]) ||
                      (isnan(y32[i]) && isnan(z32[i]));
        bool same64 = gr__to_bits64(y64[i]) == gr__to_bits64(z64[i]) ||
                      (isnan(y64[i]) && isnan(z64[i]));
        if (!same32 || !same64) return false;
    }
    return true;
}

static bool report(const char *name, const char *type, finding found, double bound)
{
    bool ok = found.worst.ulp <= bound;
    printf("%-10s  %s  %6.3f ulp (bound %.2f) at %-24.17g bits %016llx%s\n", name, type,
           found.worst.ulp, bound, found.worst.x, (unsigned long long)found.bits,
           ok ? "" : "  FAILED");
    fflush(stdout);
    return ok;
}

static bool check(const function *f, bool every)
{
    bool ok = tail_is_body(f);
    if (!ok) printf("%-10s  the bits depend on the place in the loop  FAILED\n", f->name);
    ok &= report(f->name, "f32", walk32(f, every ? 1 : 9973), f->bound32);
#if WITH_MPFR
    int64_t count = every ? 10000000 : 100000;
    ok &= report(f->name, "f64", walk64(f, false, count), f->bound64);
    if (f->angle) ok &= report(f->name, "far", walk64(f, true, count), f->bound64);
#endif
    return ok;
}

int main(int argc, char **argv)
{
    bool every = argc > 1 && strcmp(argv[1], "--all") == 0;
    const char *only = argc > 1 + every ? argv[argc - 1] : NULL;
    int passed = 0, failed = 0;
#if defined(__x86_64__) && defined(__FMA__)
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
        printf("this machine has no fma\n");
        return 77;
    }
#endif
    for (int i = 0; i < FUNCTIONS; i++) {
        if (only && strcmp(only, functions[i].name) != 0) continue;
        *(check(&functions[i], every) ? &passed : &failed) += 1;
    }
    if (!WITH_MPFR) printf("no MPFR: the doubles were skipped\n");
    printf("%d passed, %d failed\n", passed, failed);
    return failed || !passed ? 1 : 0;
}
