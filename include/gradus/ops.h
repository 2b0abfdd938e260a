/* Operations: differentiable to any order unless said otherwise.
 *
 * An operation checks its arguments at once and computes later. Operands of different shapes are
 * broadcast as NumPy does; mixing dtypes is an error (gr_cast). Axes may be negative: -1 is the
 * last. Whatever is wrong gives an error tensor. */
#ifndef GRADUS_OPS_H
#define GRADUS_OPS_H

#include <gradus/elementwise.h>
#include <gradus/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- dtype and history ---- */

/* x in another dtype; differentiable between f32 and f64. To GR_I64: towards zero, NaN and what
 * does not fit become the nearest representable number (NaN: 0). x itself if the dtype is its
 * own. */
GR_API gr_tensor *gr_cast(const gr_tensor *x, gr_dtype dtype);

/* x's value without its history: no gradient flows through it. */
GR_API gr_tensor *gr_detach(const gr_tensor *x);

/* hard's value with soft's gradient, of any order; none flows into hard. f32 or f64 of one shape.
 * gr_straight_through(gr_round(x), x) rounds and hands gradients on (Bengio, Leonard and Courville,
 * 2013). */
GR_API gr_tensor *gr_straight_through(const gr_tensor *hard, const gr_tensor *soft);

/* ---- reductions ----
 * Over the given axes; keepdim leaves them with extent 1. The order of addition is a function of
 * the shape and the axes alone. */

GR_API gr_tensor *gr_sum(const gr_tensor *x, gr_axes axes, bool keepdim); /* of nothing: 0 */

/* Sum divided by the number of elements; of nothing: 0 for floats. Not for GR_I64. */
GR_API gr_tensor *gr_mean(const gr_tensor *x, gr_axes axes, bool keepdim);

/* Largest and smallest element; NaN if there is one; ties share the gradient evenly; of nothing: an
 * error. */
GR_API gr_tensor *gr_max(const gr_tensor *x, gr_axes axes, bool keepdim);
GR_API gr_tensor *gr_min(const gr_tensor *x, gr_axes axes, bool keepdim);

/* Product of the elements; of nothing: 1. Exact gradients where elements are 0. */
GR_API gr_tensor *gr_prod(const gr_tensor *x, gr_axes axes, bool keepdim);

/* 1 where any, or every, element differs from 0, else 0, in x's dtype; of nothing: 0 and 1. No
 * gradient. */
GR_API gr_tensor *gr_any(const gr_tensor *x, gr_axes axes, bool keepdim);
GR_API gr_tensor *gr_all(const gr_tensor *x, gr_axes axes, bool keepdim);

/* Euclidean norm sqrt(sum x^2); of nothing: 0. At a zero vector its derivatives are 0. f32 and f64;
 * squares beyond the dtype's range give infinity, or 0. */
GR_API gr_tensor *gr_norm(const gr_tensor *x, gr_axes axes, bool keepdim);

/* sum (x - mean)^2 / (n - correction) over the n elements, in two passes: correction 0 for the
 * variance of these numbers, 1 for an unbiased estimate (Bessel). n <= correction is an error. The
 * standard deviation is its square root, with derivatives 0 where all elements are equal. f32 and
 * f64. */
GR_API gr_tensor *gr_var(const gr_tensor *x, gr_axes axes, bool keepdim, int correction);
GR_API gr_tensor *gr_std(const gr_tensor *x, gr_axes axes, bool keepdim, int correction);

/* x / max(norm, eps), and (x - mean) / sqrt(variance + eps) with the biased variance, both over the
 * axes. eps > 0. f32 and f64. */
GR_API gr_tensor *gr_normalize(const gr_tensor *x, gr_axes axes, double eps);
GR_API gr_tensor *gr_standardize(const gr_tensor *x, gr_axes axes, double eps);

/* Position of the largest or smallest element along one axis, the first one on ties, of NaN if
 * there is one: GR_I64, without gradient. */
GR_API gr_tensor *gr_argmax(const gr_tensor *x, int axis, bool keepdim);
GR_API gr_tensor *gr_argmin(const gr_tensor *x, int axis, bool keepdim);

/* log sum exp(x) over the axes, stable for any x; all -inf gives -inf with gradient 0. */
GR_API gr_tensor *gr_logsumexp(const gr_tensor *x, gr_axes axes, bool keepdim);

/* x - logsumexp(x), and exp of it, along the axes. An entry of -inf has probability 0. */
GR_API gr_tensor *gr_log_softmax(const gr_tensor *x, gr_axes axes);
GR_API gr_tensor *gr_softmax(const gr_tensor *x, gr_axes axes);

/* ---- views: nothing is copied where strides allow ---- */

/* The same elements in logical order under another shape; one extent may be -1 and is worked
 * out. */
GR_API gr_tensor *gr_reshape(const gr_tensor *x, gr_shape shape);

/* Axis i of the result is axis order[i] of x; order names each axis once. */
GR_API gr_tensor *gr_permute(const gr_tensor *x, gr_axes order);
GR_API gr_tensor *gr_transpose(const gr_tensor *x, int axis0, int axis1);

/* One axis at another place, the others in their order. */
GR_API gr_tensor *gr_move_axis(const gr_tensor *x, int from, int to);

/* The axes first to last, both included, as one. */
GR_API gr_tensor *gr_flatten(const gr_tensor *x, int first, int last);

/* x repeated to a shape that it broadcasts to. */
GR_API gr_tensor *gr_expand(const gr_tensor *x, gr_shape shape);

/* x[start:stop] along one axis; start and stop may be negative and, as in NumPy, are cut to the
 * extent. */
GR_API gr_tensor *gr_slice(const gr_tensor *x, int axis, int64_t start, int64_t stop);

/* x[start:stop:step], step 1 or more: every step-th element of that. */
GR_API gr_tensor *gr_slice_step(const gr_tensor *x, int axis, int64_t start, int64_t stop,
                                int64_t step);

/* The adjoint of gr_slice: zeros of `extent` along the axis with x at start. */
GR_API gr_tensor *gr_unslice(const gr_tensor *x, int axis, int64_t start, int64_t extent);

/* The order of the elements turned round along the axes. */
GR_API gr_tensor *gr_flip(const gr_tensor *x, gr_axes axes);

GR_API gr_tensor *gr_squeeze(const gr_tensor *x, int axis);   /* takes an axis of extent 1 away */
GR_API gr_tensor *gr_unsqueeze(const gr_tensor *x, int axis); /* puts one in before `axis` */

/* The adjoint of broadcasting: sums x over what gr_expand would repeat, down to `shape`. */
GR_API gr_tensor *gr_sum_to(const gr_tensor *x, gr_shape shape);

/* ---- matrices ---- */

/* c[..., i, j] = sum_k a[..., i, k] b[..., k, j]; ranks of 2 and more, leading axes are broadcast.
 * f32 and f64. The same bits for the same sizes, transposition and instruction set, whatever the
 * number of threads. */
GR_API gr_tensor *gr_matmul(const gr_tensor *a, const gr_tensor *b);

/* ---- indexing: indices are GR_I64, 0 to extent - 1; others are an error ---- */

/* For layers and losses of one's own: whether index is GR_I64 and, as far as its numbers are known
 * by now, in 0 .. extent - 1; reports what is not for `function` and `argument`. Numbers that are
 * still pending are checked when they are computed. */
GR_API bool gr_check_index(const char *function, const char *argument, const gr_tensor *index,
                           int64_t extent);

/* y[..., i, ...] = x[..., index[..., i, ...], ...] along the axis: index has x's rank, and its
 * extents but for the axis. */
GR_API gr_tensor *gr_gather(const gr_tensor *x, int axis, const gr_tensor *index);

/* The adjoint: zeros with `extent` along the axis, to which source is added at index, in index
 * order. index has source's shape. */
GR_API gr_tensor *gr_scatter_add(const gr_tensor *source, int axis, const gr_tensor *index,
                                 int64_t extent);

/* Rows (slices along the axis) named by index, of any shape, which takes the axis's place: from x
 * of shape (a, n, b), axis 1, an index of shape (p, q) makes (a, p, q, b). With axis 0 it is the
 * embedding of words whose vectors are the rows of x. */
GR_API gr_tensor *gr_take(const gr_tensor *x, int axis, const gr_tensor *index);

/* 1 at index, else 0: indices of any shape (*) give (*, classes) in the default dtype. */
GR_API gr_tensor *gr_one_hot(const gr_tensor *index, int64_t classes);

#ifdef __cplusplus
}
#endif
#endif
