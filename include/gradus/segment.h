/* Groups of rows: row i of x (its part i along axis 0, of any shape) belongs to segment index_i.
 *
 * x (N, ...), index (N) of GR_I64 with numbers from 0 to n - 1 in any order, others are an error;
 * the result is (n, ...), or as x for the softmax. Rows are met in order: the same bits for any
 * number of threads. */
#ifndef GRADUS_SEGMENT_H
#define GRADUS_SEGMENT_H

#include <gradus/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Sum of each segment's rows; of none: 0. f32, f64, i64. */
GR_API gr_tensor *gr_segment_sum(const gr_tensor *x, const gr_tensor *index, int64_t n);

/* Mean of each segment's rows; of none: 0. f32, f64. */
GR_API gr_tensor *gr_segment_mean(const gr_tensor *x, const gr_tensor *index, int64_t n);

/* Largest element of each segment; NaN if there is one; ties share the gradient evenly; of none:
 * -inf. f32, f64. */
GR_API gr_tensor *gr_segment_max(const gr_tensor *x, const gr_tensor *index, int64_t n);

/* log sum exp(x) over each segment, stable for any x; of none, or of nothing but -inf: -inf with
 * gradient 0. f32, f64. */
GR_API gr_tensor *gr_segment_logsumexp(const gr_tensor *x, const gr_tensor *index, int64_t n);

/* exp(x) divided by its sum over the segment; 0 for an entry of -inf. f32, f64. */
GR_API gr_tensor *gr_segment_softmax(const gr_tensor *x, const gr_tensor *index, int64_t n);

#ifdef __cplusplus
}
#endif
#endif
