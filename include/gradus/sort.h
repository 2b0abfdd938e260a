/* Order along one axis. NaN counts as the largest number, -0 equals 0, and equal elements stay in
 * the order they came in. Positions are GR_I64, without gradient; values are those that a gather of
 * the positions reads, so gradients go where the values came from. f32, f64, i64. */
#ifndef GRADUS_SORT_H
#define GRADUS_SORT_H

#include <gradus/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* x in order, and the positions its elements had: y_i = x[position_i]. */
GR_API gr_tensor *gr_sort(const gr_tensor *x, int axis, bool descending);
GR_API gr_tensor *gr_argsort(const gr_tensor *x, int axis, bool descending);

/* The k largest (or smallest) elements, the most extreme first, and their positions: the first k of
 * gr_sort and gr_argsort with descending = largest, sooner for k up to 64. k is at most the
 * extent. */
GR_API gr_tensor *gr_topk(const gr_tensor *x, int64_t k, int axis, bool largest);
GR_API gr_tensor *gr_argtopk(const gr_tensor *x, int64_t k, int axis, bool largest);

/* The place of each element in the order, from 0 on: gr_sort(x)[ranks_i] = x_i. */
GR_API gr_tensor *gr_ranks(const gr_tensor *x, int axis, bool descending);

/* The number with a fraction q of the elements below it, 0 <= q <= 1: element q (n - 1) of the
 * order, between two of them linearly (definition 7 of Hyndman and Fan, 1996). NaN if there is one;
 * of nothing: an error. The median of an even number of elements is the mean of the middle two.
 * f32, f64. */
GR_API gr_tensor *gr_quantile(const gr_tensor *x, double q, int axis, bool keepdim);
GR_API gr_tensor *gr_median(const gr_tensor *x, int axis, bool keepdim);

#ifdef __cplusplus
}
#endif
#endif
