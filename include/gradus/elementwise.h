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

/* log(1 + x), exact near 0. f32, f64. */
GR_API gr_tensor *gr_log1p(const gr_tensor *x);

/* log cosh x: exact near 0, |x| - log 2 far out. f32, f64. */
GR_API gr_tensor *gr_log_cosh(const gr_tensor *x);

/* ---- trigonometry and the error function ---- */

/* sin x, x in radians. f32, f64. */
GR_API gr_tensor *gr_sin(const gr_tensor *x);

/* cos x, x in radians. f32, f64. */
GR_API gr_tensor *gr_cos(const gr_tensor *x);

/* 2 / sqrt(pi) times the integral of e^-t^2 from 0 to x. f32, f64. */
GR_API gr_tensor *gr_erf(const gr_tensor *x);

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

/* max(x, 0); slope 0 at 0. f32, f64, i64. */
GR_API gr_tensor *gr_relu(const gr_tensor *x);

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

#ifdef __cplusplus
}
#else
#define gr_add(a, b) gr_add(GR_ARG(a), GR_ARG(b))
#define gr_sub(a, b) gr_sub(GR_ARG(a), GR_ARG(b))
#define gr_mul(a, b) gr_mul(GR_ARG(a), GR_ARG(b))
#define gr_div(a, b) gr_div(GR_ARG(a), GR_ARG(b))
#define gr_add_mul(x, a, b) gr_add_mul(GR_ARG(x), GR_ARG(a), GR_ARG(b))
#define gr_lerp(x, a, b) gr_lerp(GR_ARG(x), GR_ARG(a), GR_ARG(b))
#define gr_leaky_relu(a, b) gr_leaky_relu(GR_ARG(a), GR_ARG(b))
#define gr_elu(a, b) gr_elu(GR_ARG(a), GR_ARG(b))
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
