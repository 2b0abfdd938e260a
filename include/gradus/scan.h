/* Scans: running results along one axis, of x's shape, differentiable to any order.
 *
 * An element depends on those up to its own place; for those from its own place on, turn the axis
 * round: gr_flip(gr_cumsum(gr_flip(x, axes), axes), axes), which copies nothing. f32 is computed in
 * double and rounded once for each element. One position's scan runs in order, on one thread. */
#ifndef GRADUS_SCAN_H
#define GRADUS_SCAN_H

#include <gradus/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* y_i = x_0 + ... + x_i. f32, f64, i64. */
GR_API gr_tensor *gr_cumsum(const gr_tensor *x, int axis);

/* y_i = x_0 ... x_i. The gradient divides by nothing: it is right where elements are 0. f32, f64,
 * i64. */
GR_API gr_tensor *gr_cumprod(const gr_tensor *x, int axis);

/* y_i = log(e^x_0 + ... + e^x_i), stable for any x; a beginning of nothing but -inf gives -inf with
 * gradient 0. f32, f64. */
GR_API gr_tensor *gr_logcumsumexp(const gr_tensor *x, int axis);

/* The linear recurrence y_i = a_i y_(i-1) + b_i, y_0 = b_0: moving averages and, backwards,
 * discounted returns and advantages. y has b's shape, to which a, a tensor or a number, broadcasts;
 * a_0 is not used. f32, f64. */
GR_API gr_tensor *gr_recurrence(gr_arg a, const gr_tensor *b, int axis);

#ifdef __cplusplus
}
#else
#define gr_recurrence(a, b, axis) gr_recurrence(GR_ARG(a), b, axis)
#endif
#endif
