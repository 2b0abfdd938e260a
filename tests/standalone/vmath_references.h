/*
 * What the functions of vmath.h should be: for floats the C library in double, for both precisions
 * MPFR where it is there. Functions of two numbers get the second from the first.
 */
#ifndef TESTS_STANDALONE_VMATH_REFERENCES_H
#define TESTS_STANDALONE_VMATH_REFERENCES_H

#include "src/kernels/vmath.h"

#if __has_include(<mpfr.h>)
#include <mpfr.h>
#define WITH_MPFR 1
#else
#define WITH_MPFR 0
typedef struct {
    int unused;
} mpfr_t[1];
#endif

static uint64_t mix(uint64_t i)
{
    i = (i + 1) * 0x9e3779b97f4a7c15u;
    i = (i ^ (i >> 30)) * 0xbf58476d1ce4e5b9u;
    i = (i ^ (i >> 27)) * 0x94d049bb133111ebu;
    return i ^ (i >> 31);
}

/* What functions of two numbers take beside x, exact in float: a small number, one like x, any, or
   one out of the ordinary. */
static double beside(double x)
{
    static const double odd[] = {0, -0.0, 1, -1, 2, 3, 0.5, -0.5, INFINITY, -INFINITY, NAN};
    uint64_t random = mix(x == x ? gr__to_bits64(x) : 0);
    double unit = (double)(random >> 40) * 0x1p-23 - 1;
    switch (random % 8) {
    case 0: return odd[random / 8 % 11];
    case 1: return (double)gr__from_bits32((uint32_t)(random >> 8));
    case 2: return rint(32 * unit);
    case 3: return (double)(float)(x * unit);
    case 4: return (double)(float)(400 * unit);
    default: return 4 * unit;
    }
}

/* References for floats: the C library in double, 2^-28 ulp of a float away from the truth. */

static double sigmoid_near(double x)
{
    return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
}

static double softplus_near(double x)
{
    return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}

static double logsigmoid_near(double x)
{
    return -softplus_near(-x);
}

static double log_cosh_near(double x)
{
    double a = fabs(x), s = sinh(a < 1 ? a / 2 : 0);
    return a < 1 ? log1p(2 * s * s) : a + (log1p(exp(-2 * a)) - log(2));
}

static const double pi = 3.14159265358979323846;

/* Exact reduction to |r| <= 1, then to the eighth of a circle where times pi is harmless. */
static double sinpi_near(double x)
{
    double r = fabs(remainder(x, 2)), t = r > 0.5 ? 1 - r : r;
    double y = t > 0.25 ? cos(pi * (0.5 - t)) : sin(pi * t);
    return t == 0 ? copysign(0, x) : copysign(y, remainder(x, 2));
}

static double cospi_near(double x)
{
    double r = fabs(remainder(x, 2)), t = fabs(r - 0.5);
    double y = t > 0.25 ? cos(pi * (0.5 - t)) : sin(pi * t);
    return r <= 0.5 ? y : -y;
}

static double log1mexp_near(double x)
{
    return x > -0.5 ? log(-expm1(x)) : log1p(-exp(x));
}

static double silu_near(double x)
{
    return x == -INFINITY ? -0.0 : x < 0 ? x * exp(x) / (1 + exp(x)) : x / (1 + exp(-x));
}

static double mish_near(double x)
{
    double z = exp(-fabs(x)), low = z * (z + 2), high = 1 + 2 * z;
    return x == -INFINITY ? -0.0 : x < 0 ? x * (low / (low + 2)) : x * (high / (high + 2 * z * z));
}

static double gelu_near(double x)
{
    return x == -INFINITY ? -0.0 : x * 0.5 * erfc(x * -0.70710678118654752440);
}

/* Below 1/16 the series: tanh leaves too little. */
static double tanhshrink_near(double x)
{
    double u = x * x;
    double series = x * u * (1.0 / 3 - u * (2.0 / 15 - u * (17.0 / 315 - u * (62.0 / 2835))));
    return fabs(x) < 0.0625 ? series : x - tanh(x);
}

static double gelu_tanh_near(double x)
{
    double w = sqrt(8 / pi) * (x + 0.044715 * x * x * x);
    return x == -INFINITY ? -0.0 : x < 0 ? x * exp(w) / (1 + exp(w)) : x / (1 + exp(-w));
}

#define NEAR2(name) \
    static double name##_near(double x) \
    { \
        return name(x, beside(x)); \
    }

NEAR2(pow)
NEAR2(hypot)
NEAR2(atan2)

#if WITH_MPFR

/* References for both: y = f(x) in the precision of y. */

#define EXACT(name) \
    static void name##_exact(mpfr_t y, const mpfr_t x) \
    { \
        mpfr_##name(y, x, MPFR_RNDN); \
    }

EXACT(exp)
EXACT(exp2)
EXACT(expm1)
EXACT(log)
EXACT(log2)
EXACT(log1p)
EXACT(tanh)
EXACT(erf)
EXACT(sin)
EXACT(cos)
EXACT(log10)
EXACT(cbrt)
EXACT(tan)
EXACT(asin)
EXACT(acos)
EXACT(atan)
EXACT(sinh)
EXACT(cosh)
EXACT(asinh)
EXACT(acosh)
EXACT(atanh)

static void sigmoid_exact(mpfr_t y, const mpfr_t x)
{
    mpfr_neg(y, x, MPFR_RNDN);
    mpfr_exp(y, y, MPFR_RNDN);
    mpfr_add_ui(y, y, 1, MPFR_RNDN);
    mpfr_ui_div(y, 1, y, MPFR_RNDN);
}

static void softplus_exact(mpfr_t y, const mpfr_t x)
{
    mpfr_abs(y, x, MPFR_RNDN);
    mpfr_neg(y, y, MPFR_RNDN);
    mpfr_exp(y, y, MPFR_RNDN);
    mpfr_log1p(y, y, MPFR_RNDN);
    if (mpfr_sgn(x) > 0) mpfr_add(y, y, x, MPFR_RNDN);
}

static void logsigmoid_exact(mpfr_t y, const mpfr_t x)
{
    mpfr_t minus;
    mpfr_init2(minus, mpfr_get_prec(x));
    mpfr_neg(minus, x, MPFR_RNDN);
    softplus_exact(y, minus);
    mpfr_neg(y, y, MPFR_RNDN);
    mpfr_clear(minus);
}

static void log_cosh_exact(mpfr_t y, const mpfr_t x)
{
    mpfr_t half;
    mpfr_init2(half, mpfr_get_prec(y));
    if (mpfr_cmp_d(x, 1) < 0 && mpfr_cmp_d(x, -1) > 0) { /* log(1 + 2 sinh^2(x / 2)) */
        mpfr_div_ui(y, x, 2, MPFR_RNDN);
        mpfr_sinh(y, y, MPFR_RNDN);
        mpfr_sqr(y, y, MPFR_RNDN);
        mpfr_mul_ui(y, y, 2, MPFR_RNDN);
        mpfr_log1p(y, y, MPFR_RNDN);
    } else { /* |x| + log((1 + e^-2|x|) / 2) */
        mpfr_abs(half, x, MPFR_RNDN);
        mpfr_mul_si(y, half, -2, MPFR_RNDN);
        mpfr_exp(y, y, MPFR_RNDN);
        mpfr_add_ui(y, y, 1, MPFR_RNDN);
        mpfr_div_ui(y, y, 2, MPFR_RNDN);
        mpfr_log(y, y, MPFR_RNDN);
        mpfr_add(y, y, half, MPFR_RNDN);
    }
    mpfr_clear(half);
}

static void turn_exact(mpfr_t y, const mpfr_t x, int (*f)(mpfr_t, const mpfr_t, mpfr_rnd_t))
{
    mpfr_t turn;
    mpfr_init2(turn, mpfr_get_prec(y));
    mpfr_const_pi(turn, MPFR_RNDN);
    mpfr_mul_d(turn, turn, remainder(mpfr_get_d(x, MPFR_RNDN), 2), MPFR_RNDN);
    f(y, turn, MPFR_RNDN);
    mpfr_clear(turn);
}

static void sinpi_exact(mpfr_t y, const mpfr_t x)
{
    turn_exact(y, x, mpfr_sin);
    if (mpfr_integer_p(x)) mpfr_set_zero(y, mpfr_signbit(x) ? -1 : 1);
}

static void cospi_exact(mpfr_t y, const mpfr_t x)
{
    turn_exact(y, x, mpfr_cos);
    if (fabs(remainder(mpfr_get_d(x, MPFR_RNDN), 2)) == 0.5) mpfr_set_zero(y, 1);
}

#define EXACT2(name) \
    static void name##_exact(mpfr_t y, const mpfr_t x) \
    { \
        mpfr_t z; \
        mpfr_init2(z, 53); \
        mpfr_set_d(z, beside(mpfr_get_d(x, MPFR_RNDN)), MPFR_RNDN); \
        mpfr_##name(y, x, z, MPFR_RNDN); \
        mpfr_clear(z); \
    }

EXACT2(pow)
EXACT2(hypot)
EXACT2(atan2)

static void log1mexp_exact(mpfr_t y, const mpfr_t x)
{
    if (mpfr_cmp_d(x, -1) > 0) {
        mpfr_expm1(y, x, MPFR_RNDN);
        mpfr_neg(y, y, MPFR_RNDN);
        mpfr_log(y, y, MPFR_RNDN);
    } else {
        mpfr_exp(y, x, MPFR_RNDN);
        mpfr_neg(y, y, MPFR_RNDN);
        mpfr_log1p(y, y, MPFR_RNDN);
    }
}

/* y = x times y, -0 at minus infinity. */
static void gate(mpfr_t y, const mpfr_t x)
{
    if (mpfr_inf_p(x) && mpfr_sgn(x) < 0)
        mpfr_set_zero(y, -1);
    else
        mpfr_mul(y, y, x, MPFR_RNDN);
}

static void silu_exact(mpfr_t y, const mpfr_t x)
{
    sigmoid_exact(y, x);
    gate(y, x);
}

static void mish_exact(mpfr_t y, const mpfr_t x)
{
    mpfr_exp(y, x, MPFR_RNDN);
    mpfr_log1p(y, y, MPFR_RNDN);
    mpfr_tanh(y, y, MPFR_RNDN);
    gate(y, x);
}

static void gelu_exact(mpfr_t y, const mpfr_t x)
{
    mpfr_sqrt_ui(y, 2, MPFR_RNDN);
    mpfr_div(y, x, y, MPFR_RNDN);
    mpfr_neg(y, y, MPFR_RNDN);
    mpfr_erfc(y, y, MPFR_RNDN);
    mpfr_div_ui(y, y, 2, MPFR_RNDN);
    gate(y, x);
}

/* x / (1 + e^-w). */
static void gelu_tanh_exact(mpfr_t y, const mpfr_t x)
{
    mpfr_t w;
    mpfr_init2(w, mpfr_get_prec(y));
    mpfr_set_str(y, "0.044715", 10, MPFR_RNDN);
    mpfr_mul(y, y, x, MPFR_RNDN);
    mpfr_mul(y, y, x, MPFR_RNDN);
    mpfr_add_ui(y, y, 1, MPFR_RNDN);
    mpfr_mul(y, y, x, MPFR_RNDN);
    mpfr_const_pi(w, MPFR_RNDN);
    mpfr_ui_div(w, 8, w, MPFR_RNDN);
    mpfr_sqrt(w, w, MPFR_RNDN);
    mpfr_mul(w, w, y, MPFR_RNDN);
    sigmoid_exact(y, w);
    gate(y, x);
    mpfr_clear(w);
}

/* x^3 / 3 where tanh leaves too little of the precision. */
static void tanhshrink_exact(mpfr_t y, const mpfr_t x)
{
    if (mpfr_regular_p(x) && mpfr_get_exp(x) < -40) {
        mpfr_pow_ui(y, x, 3, MPFR_RNDN);
        mpfr_div_ui(y, y, 3, MPFR_RNDN);
    } else {
        mpfr_tanh(y, x, MPFR_RNDN);
        mpfr_sub(y, x, y, MPFR_RNDN);
        if (mpfr_zero_p(x)) mpfr_set(y, x, MPFR_RNDN);
    }
}

static void erfc_exact(mpfr_t y, const mpfr_t x)
{
    mpfr_erfc(y, x, MPFR_RNDN);
}

/* erfc(-x / sqrt(2)) / 2 */
static void ndtr_exact(mpfr_t y, const mpfr_t x)
{
    mpfr_set_ui(y, 2, MPFR_RNDN);
    mpfr_rec_sqrt(y, y, MPFR_RNDN);
    mpfr_mul(y, y, x, MPFR_RNDN);
    mpfr_neg(y, y, MPFR_RNDN);
    mpfr_erfc(y, y, MPFR_RNDN);
    mpfr_div_ui(y, y, 2, MPFR_RNDN);
}

/* -x^2 / 2 - log(2 pi x^2) / 2 + log(1 - 1 / x^2 (1 - 3 / x^2 (1 - ... 11 / x^2))), far below 0. */
static void log_ndtr_far(mpfr_t y, mpfr_t square, const mpfr_t x)
{
    mpfr_t log;
    mpfr_init2(log, mpfr_get_prec(x));
    mpfr_sqr(square, x, MPFR_RNDN);
    mpfr_set_ui(y, 1, MPFR_RNDN);
    for (int k = 11; k > 0; k -= 2) {
        mpfr_mul_ui(y, y, (unsigned)k, MPFR_RNDN);
        mpfr_div(y, y, square, MPFR_RNDN);
        mpfr_ui_sub(y, 1, y, MPFR_RNDN);
    }
    mpfr_log(y, y, MPFR_RNDN);
    mpfr_const_pi(log, MPFR_RNDN);
    mpfr_mul_ui(log, log, 2, MPFR_RNDN);
    mpfr_mul(log, log, square, MPFR_RNDN);
    mpfr_log(log, log, MPFR_RNDN);
    mpfr_add(log, log, square, MPFR_RNDN);
    mpfr_div_ui(log, log, 2, MPFR_RNDN);
    mpfr_sub(y, y, log, MPFR_RNDN);
    mpfr_clear(log);
}

static void log_ndtr_exact(mpfr_t y, const mpfr_t x)
{
    mpfr_t t;
    mpfr_init2(t, mpfr_get_prec(x));
    if (mpfr_sgn(x) > 0) { /* log(1 - the rest) */
        mpfr_neg(t, x, MPFR_RNDN);
        ndtr_exact(y, t);
        mpfr_neg(y, y, MPFR_RNDN);
        mpfr_log1p(y, y, MPFR_RNDN);
    } else if (mpfr_cmp_si(x, -10000) > 0) {
        ndtr_exact(y, x);
        mpfr_log(y, y, MPFR_RNDN);
    } else {
        log_ndtr_far(y, t, x);
    }
    mpfr_clear(t);
}

static void lgamma_exact(mpfr_t y, const mpfr_t x)
{
    int sign;
    mpfr_lgamma(y, &sign, x, MPFR_RNDN);
}

/* MPFR has one limit for both zeros. */
static void digamma_exact(mpfr_t y, const mpfr_t x)
{
    mpfr_digamma(y, x, MPFR_RNDN);
    if (mpfr_zero_p(x)) mpfr_set_inf(y, mpfr_signbit(x) ? 1 : -1);
}

#endif
#endif
