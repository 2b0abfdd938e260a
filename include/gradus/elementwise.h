/* The operations of a single formula. Written by tools/elementwise from elementwise.def. */
#ifndef GRADUS_ELEMENTWISE_H
#define GRADUS_ELEMENTWISE_H

#include <gradus/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- arithmetic ---- */

/* -x. f32, f64, i64. */
GR_API gr_tensor *gr_neg(const gr_tensor *x);

/* a + b. f32, f64, i64. */
GR_API gr_tensor *gr_add(gr_arg a, gr_arg b);

/* a - b. f32, f64, i64. */
GR_API gr_tensor *gr_sub(gr_arg a, gr_arg b);

/* a b. f32, f64, i64. */
GR_API gr_tensor *gr_mul(gr_arg a, gr_arg b);

/* a / b. f32, f64. */
GR_API gr_tensor *gr_div(gr_arg a, gr_arg b);

/* x + a b, rounded twice. f32, f64, i64. */
GR_API gr_tensor *gr_add_mul(gr_arg x, gr_arg a, gr_arg b);

/* from x at b = 0 to a at b = 1: x + b (a - x). f32, f64. */
GR_API gr_tensor *gr_lerp(gr_arg x, gr_arg a, gr_arg b);

/* x^2. f32, f64, i64. */
GR_API gr_tensor *gr_square(const gr_tensor *x);

/* square root of x. f32, f64. */
GR_API gr_tensor *gr_sqrt(const gr_tensor *x);

/* 1 / square root of x. f32, f64. */
GR_API gr_tensor *gr_rsqrt(const gr_tensor *x);

/* cube root of x, of negative x too. f32, f64. */
GR_API gr_tensor *gr_cbrt(const gr_tensor *x);

/* 1 / x. f32, f64. */
GR_API gr_tensor *gr_reciprocal(const gr_tensor *x);

/* a^b with the special values of C; the base 0 gives its exponent no slope. f32, f64. */
GR_API gr_tensor *gr_pow(gr_arg a, gr_arg b);

/* sqrt(a^2 + b^2) without overflow; slope 0 at the origin. f32, f64. */
GR_API gr_tensor *gr_hypot(gr_arg a, gr_arg b);

/* a - b floor(a / b), exact, with the sign of b as in Python. f32, f64. */
GR_API gr_tensor *gr_remainder(gr_arg a, gr_arg b);

/* ---- exponentials and logarithms ---- */

/* e^x. f32, f64. */
GR_API gr_tensor *gr_exp(const gr_tensor *x);

/* e^x - 1, exact near 0. f32, f64. */
GR_API gr_tensor *gr_expm1(const gr_tensor *x);

/* 2^x. f32, f64. */
GR_API gr_tensor *gr_exp2(const gr_tensor *x);

/* natural logarithm of x. f32, f64. */
GR_API gr_tensor *gr_log(const gr_tensor *x);

/* logarithm of x to base 2. f32, f64. */
GR_API gr_tensor *gr_log2(const gr_tensor *x);

/* logarithm of x to base 10. f32, f64. */
GR_API gr_tensor *gr_log10(const gr_tensor *x);

/* log(1 + x), exact near 0. f32, f64. */
GR_API gr_tensor *gr_log1p(const gr_tensor *x);

/* log cosh x: exact near 0, |x| - log 2 far out. f32, f64. */
GR_API gr_tensor *gr_log_cosh(const gr_tensor *x);

/* log(1 - e^x) for x <= 0, exact at both ends. f32, f64. */
GR_API gr_tensor *gr_log1mexp(const gr_tensor *x);

/* log(e^a + e^b); slope 0 where a and b are the same infinity. f32, f64. */
GR_API gr_tensor *gr_logaddexp(gr_arg a, gr_arg b);

/* log(e^a - e^b) for a >= b, -inf where they are equal; slope 0 where both are -inf. f32, f64. */
GR_API gr_tensor *gr_logsubexp(gr_arg a, gr_arg b);

/* a log b, 0 where a = 0; the slope for a is log b there too. f32, f64. */
GR_API gr_tensor *gr_xlogy(gr_arg a, gr_arg b);

/* a log(1 + b), 0 where a = 0; the slope for a is log(1 + b) there too. f32, f64. */
GR_API gr_tensor *gr_xlog1py(gr_arg a, gr_arg b);

/* ---- circular and hyperbolic functions, the error function ---- */

/* sin x, x in radians. f32, f64. */
GR_API gr_tensor *gr_sin(const gr_tensor *x);

/* cos x, x in radians. f32, f64. */
GR_API gr_tensor *gr_cos(const gr_tensor *x);

/* tan x, x in radians. f32, f64. */
GR_API gr_tensor *gr_tan(const gr_tensor *x);

/* inverse of sin, from -pi / 2 to pi / 2. f32, f64. */
GR_API gr_tensor *gr_asin(const gr_tensor *x);

/* inverse of cos, from 0 to pi. f32, f64. */
GR_API gr_tensor *gr_acos(const gr_tensor *x);

/* inverse of tan, from -pi / 2 to pi / 2. f32, f64. */
GR_API gr_tensor *gr_atan(const gr_tensor *x);

/* the angle of the point (b, a), from -pi to pi; slope 0 at the origin. f32, f64. */
GR_API gr_tensor *gr_atan2(gr_arg a, gr_arg b);

/* (e^x - e^-x) / 2. f32, f64. */
GR_API gr_tensor *gr_sinh(const gr_tensor *x);

/* (e^x + e^-x) / 2. f32, f64. */
GR_API gr_tensor *gr_cosh(const gr_tensor *x);

/* inverse of sinh. f32, f64. */
GR_API gr_tensor *gr_asinh(const gr_tensor *x);

/* inverse of cosh, 0 or more. f32, f64. */
GR_API gr_tensor *gr_acosh(const gr_tensor *x);

/* inverse of tanh. f32, f64. */
GR_API gr_tensor *gr_atanh(const gr_tensor *x);

/* 2 / sqrt(pi) times the integral of e^-t^2 from 0 to x. f32, f64. */
GR_API gr_tensor *gr_erf(const gr_tensor *x);

/* ---- special functions ---- */

/* 1 - erf(x), exact in its tail. f32, f64. */
GR_API gr_tensor *gr_erfc(const gr_tensor *x);

/* standard normal distribution function: the part below x. f32, f64. */
GR_API gr_tensor *gr_ndtr(const gr_tensor *x);

/* logarithm of gr_ndtr(x), exact in both tails. f32, f64. */
GR_API gr_tensor *gr_log_ndtr(const gr_tensor *x);

/* standard normal density over gr_ndtr(x), about -x far below 0 (Mills 1926). f32, f64. */
GR_API gr_tensor *gr_inverse_mills(const gr_tensor *x);

/* mean of u^a for a normal u of mean b and variance 1, given that u > 0; a is a whole number from 0 to 16. f32, f64. */
GR_API gr_tensor *gr_truncated_moment(gr_arg a, gr_arg b);

/* log |Gamma(x)|. f32, f64. */
GR_API gr_tensor *gr_lgamma(const gr_tensor *x);

/* derivative of log |Gamma(x)|; NaN at negative whole numbers. f32, f64. */
GR_API gr_tensor *gr_digamma(const gr_tensor *x);

/* second derivative of log |Gamma(x)|. f32, f64. */
GR_API gr_tensor *gr_trigamma(const gr_tensor *x);

/* derivative a of gr_digamma(b), for a whole number a from 0 to 16. f32, f64. */
GR_API gr_tensor *gr_polygamma(gr_arg a, gr_arg b);

/* e^-|x| I0(x), with the modified Bessel function I0; slope 0 at 0. f32, f64. */
GR_API gr_tensor *gr_i0e(const gr_tensor *x);

/* e^-|x| I1(x). f32, f64. */
GR_API gr_tensor *gr_i1e(const gr_tensor *x);

/* e^-|b| Ia(b), with the modified Bessel function of a whole order a from 0 to 16. f32, f64. */
GR_API gr_tensor *gr_ive(gr_arg a, gr_arg b);

/* ---- activations ---- */

/* tanh x. f32, f64. */
GR_API gr_tensor *gr_tanh(const gr_tensor *x);

/* 1 / (1 + e^-x). f32, f64. */
GR_API gr_tensor *gr_sigmoid(const gr_tensor *x);

/* log(1 + e^x). f32, f64. */
GR_API gr_tensor *gr_softplus(const gr_tensor *x);

/* log(1 / (1 + e^-x)). f32, f64. */
GR_API gr_tensor *gr_log_sigmoid(const gr_tensor *x);

/* a where a > 0, else a b; slope b at 0 (Maas 2013; with a tensor b: He 2015). f32, f64. */
GR_API gr_tensor *gr_leaky_relu(gr_arg a, gr_arg b);

/* a where a > 0, else b (e^a - 1); slope b at 0 (Clevert 2016). f32, f64. */
GR_API gr_tensor *gr_elu(gr_arg a, gr_arg b);

/* a where a > 0, else b (e^(a / b) - 1), for b > 0 (Barron 2017). f32, f64. */
GR_API gr_tensor *gr_celu(gr_arg a, gr_arg b);

/* 1.0507 x where x >= 0, else 1.7581 (e^x - 1) (Klambauer 2017); slope 1.0507 at 0. f32, f64. */
GR_API gr_tensor *gr_selu(const gr_tensor *x);

/* x sigmoid(x) (Elfwing 2017). f32, f64. */
GR_API gr_tensor *gr_silu(const gr_tensor *x);

/* x tanh(log(1 + e^x)) (Misra 2019). f32, f64. */
GR_API gr_tensor *gr_mish(const gr_tensor *x);

/* x times the normal distribution function of x (Hendrycks 2016). f32, f64. */
GR_API gr_tensor *gr_gelu(const gr_tensor *x);

/* x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, which is nearly gelu (Hendrycks 2016). f32, f64. */
GR_API gr_tensor *gr_gelu_tanh(const gr_tensor *x);

/* x / (1 + |x|). f32, f64. */
GR_API gr_tensor *gr_softsign(const gr_tensor *x);

/* x - tanh x, exact near 0. f32, f64. */
GR_API gr_tensor *gr_tanhshrink(const gr_tensor *x);

/* x cut to [-1, 1]; slope 0 at the bounds. f32, f64. */
GR_API gr_tensor *gr_hard_tanh(const gr_tensor *x);

/* x / 6 + 1 / 2 cut to [0, 1]; slope 0 at the bounds. f32, f64. */
GR_API gr_tensor *gr_hard_sigmoid(const gr_tensor *x);

/* x hard_sigmoid(x); slope 0 at -3 and 1 at 3 (Howard 2019). f32, f64. */
GR_API gr_tensor *gr_hard_swish(const gr_tensor *x);

/* a brought b closer to 0, at most to 0, for b >= 0; slope 0 at -b and b. f32, f64. */
GR_API gr_tensor *gr_softshrink(gr_arg a, gr_arg b);

/* a where |a| > b, else 0, for b >= 0. f32, f64. */
GR_API gr_tensor *gr_hardshrink(gr_arg a, gr_arg b);

/* max(x, 0); slope 0 at 0. f32, f64, i64. */
GR_API gr_tensor *gr_relu(const gr_tensor *x);

/* x cut to [0, 6]; slope 0 at the bounds. f32, f64. */
GR_API gr_tensor *gr_relu6(const gr_tensor *x);

/* ---- pieces ---- */

/* |x|; slope 0 at 0. f32, f64, i64. */
GR_API gr_tensor *gr_abs(const gr_tensor *x);

/* largest whole number not above x. f32, f64. */
GR_API gr_tensor *gr_floor(const gr_tensor *x);

/* smallest whole number not below x. f32, f64. */
GR_API gr_tensor *gr_ceil(const gr_tensor *x);

/* x without its fraction. f32, f64. */
GR_API gr_tensor *gr_trunc(const gr_tensor *x);

/* nearest whole number, of two the even one. f32, f64. */
GR_API gr_tensor *gr_round(const gr_tensor *x);

/* -1, 0 or 1; the zero keeps its sign. f32, f64, i64. */
GR_API gr_tensor *gr_sign(const gr_tensor *x);

/* larger of a and b; a tie between tensors shares evenly, at a number the slope is 0. f32, f64, i64. */
GR_API gr_tensor *gr_maximum(gr_arg a, gr_arg b);

/* smaller of a and b; ties as in gr_maximum. f32, f64, i64. */
GR_API gr_tensor *gr_minimum(gr_arg a, gr_arg b);

/* the smaller of b and the larger of a and x; at a bound the slope is the bound's. f32, f64, i64. */
GR_API gr_tensor *gr_clamp(gr_arg x, gr_arg a, gr_arg b);

/* c (a - c / 2) with c = a cut to [-b, b]: a^2 / 2 where |a| <= b, else b (|a| - b / 2), for b > 0 (Huber 1964). f32, f64. */
GR_API gr_tensor *gr_huber(gr_arg a, gr_arg b);

/* a where c is not 0, else b; gradients follow the selection. f32, f64, i64. */
GR_API gr_tensor *gr_where(gr_arg c, gr_arg a, gr_arg b);

/* ---- comparisons: 0 or 1 in the operands' dtype ---- */

/* a = b. f32, f64, i64. */
GR_API gr_tensor *gr_equal(gr_arg a, gr_arg b);

/* a differs from b. f32, f64, i64. */
GR_API gr_tensor *gr_not_equal(gr_arg a, gr_arg b);

/* a < b. f32, f64, i64. */
GR_API gr_tensor *gr_less(gr_arg a, gr_arg b);

/* a <= b. f32, f64, i64. */
GR_API gr_tensor *gr_less_equal(gr_arg a, gr_arg b);

/* a > b. f32, f64, i64. */
GR_API gr_tensor *gr_greater(gr_arg a, gr_arg b);

/* a >= b. f32, f64, i64. */
GR_API gr_tensor *gr_greater_equal(gr_arg a, gr_arg b);

/* a < x < b. f32, f64, i64. */
GR_API gr_tensor *gr_between(gr_arg x, gr_arg a, gr_arg b);

/* whether x is no number. f32, f64, i64. */
GR_API gr_tensor *gr_is_nan(const gr_tensor *x);

/* whether x is neither infinite nor NaN. f32, f64, i64. */
GR_API gr_tensor *gr_is_finite(const gr_tensor *x);

#ifdef __cplusplus
}
#else
#define gr_add(a, b) gr_add(GR_ARG(a), GR_ARG(b))
#define gr_sub(a, b) gr_sub(GR_ARG(a), GR_ARG(b))
#define gr_mul(a, b) gr_mul(GR_ARG(a), GR_ARG(b))
#define gr_div(a, b) gr_div(GR_ARG(a), GR_ARG(b))
#define gr_add_mul(x, a, b) gr_add_mul(GR_ARG(x), GR_ARG(a), GR_ARG(b))
#define gr_lerp(x, a, b) gr_lerp(GR_ARG(x), GR_ARG(a), GR_ARG(b))
#define gr_pow(a, b) gr_pow(GR_ARG(a), GR_ARG(b))
#define gr_hypot(a, b) gr_hypot(GR_ARG(a), GR_ARG(b))
#define gr_remainder(a, b) gr_remainder(GR_ARG(a), GR_ARG(b))
#define gr_logaddexp(a, b) gr_logaddexp(GR_ARG(a), GR_ARG(b))
#define gr_logsubexp(a, b) gr_logsubexp(GR_ARG(a), GR_ARG(b))
#define gr_xlogy(a, b) gr_xlogy(GR_ARG(a), GR_ARG(b))
#define gr_xlog1py(a, b) gr_xlog1py(GR_ARG(a), GR_ARG(b))
#define gr_atan2(a, b) gr_atan2(GR_ARG(a), GR_ARG(b))
#define gr_truncated_moment(a, b) gr_truncated_moment(GR_ARG(a), GR_ARG(b))
#define gr_polygamma(a, b) gr_polygamma(GR_ARG(a), GR_ARG(b))
#define gr_ive(a, b) gr_ive(GR_ARG(a), GR_ARG(b))
#define gr_leaky_relu(a, b) gr_leaky_relu(GR_ARG(a), GR_ARG(b))
#define gr_elu(a, b) gr_elu(GR_ARG(a), GR_ARG(b))
#define gr_celu(a, b) gr_celu(GR_ARG(a), GR_ARG(b))
#define gr_softshrink(a, b) gr_softshrink(GR_ARG(a), GR_ARG(b))
#define gr_hardshrink(a, b) gr_hardshrink(GR_ARG(a), GR_ARG(b))
#define gr_maximum(a, b) gr_maximum(GR_ARG(a), GR_ARG(b))
#define gr_minimum(a, b) gr_minimum(GR_ARG(a), GR_ARG(b))
#define gr_clamp(x, a, b) gr_clamp(GR_ARG(x), GR_ARG(a), GR_ARG(b))
#define gr_huber(a, b) gr_huber(GR_ARG(a), GR_ARG(b))
#define gr_where(c, a, b) gr_where(GR_ARG(c), GR_ARG(a), GR_ARG(b))
#define gr_equal(a, b) gr_equal(GR_ARG(a), GR_ARG(b))
#define gr_not_equal(a, b) gr_not_equal(GR_ARG(a), GR_ARG(b))
#define gr_less(a, b) gr_less(GR_ARG(a), GR_ARG(b))
#define gr_less_equal(a, b) gr_less_equal(GR_ARG(a), GR_ARG(b))
#define gr_greater(a, b) gr_greater(GR_ARG(a), GR_ARG(b))
#define gr_greater_equal(a, b) gr_greater_equal(GR_ARG(a), GR_ARG(b))
#define gr_between(x, a, b) gr_between(GR_ARG(x), GR_ARG(a), GR_ARG(b))
#endif
#endif
