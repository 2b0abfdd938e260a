/* Windows over the last axes of a tensor: pooling, unfolding, and changes of resolution. Any order
 * of derivatives; f32 and f64 unless said otherwise.
 *
 * Images are (*, H, W), PyTorch's (N, C, H, W) among them, signals (*, W): whatever axes come first
 * are a batch, which may be empty. Along an axis of n elements, window i covers `size` of them from
 * i stride - padding on; there are floor((n + 2 padding - size) / stride) + 1 windows.
 *
 * What does not fit gives an error tensor: ranks, windows out of range or longer than the axis and
 * its padding.
 *
 *     gr_window w = {2, 2, 0};
 *     gr_tensor *y = gr_max_pool2d(x, w, w);     (64,8,28,28) -> (64,8,14,14)
 */
#ifndef GRADUS_POOL_H
#define GRADUS_POOL_H

#include <gradus/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Windows along one axis. */
typedef struct gr_window {
    int64_t size;    /* elements of a window; 1 or more */
    int64_t stride;  /* from one window to the next; 1 or more */
    int64_t padding; /* elements supposed on either side of the axis; 0 or more */
} gr_window;

/* ---- pooling: padding of half a window at most ---- */

/* Largest element of each window; NaN if there is one. Padding is never chosen. The gradient goes
 * to the first of equal elements in C order, or to the first NaN. */
GR_API gr_tensor *gr_max_pool1d(const gr_tensor *x, gr_window window);
GR_API gr_tensor *gr_max_pool2d(const gr_tensor *x, gr_window rows, gr_window columns);

/* Mean of each window: the sum of its elements divided by the elements of a window, among them
 * those of the padding (zeros), or, if count_padding is false, by how many of them lie in x. The
 * mean of all of x is gr_mean. */
GR_API gr_tensor *gr_avg_pool1d(const gr_tensor *x, gr_window window, bool count_padding);
GR_API gr_tensor *gr_avg_pool2d(const gr_tensor *x, gr_window rows, gr_window columns,
                                bool count_padding);

/* ---- windows as axes ---- */

/* A view of x's windows along one axis, without padding: that axis counts them, and a new last axis
 * their elements. y[..., i, ..., k] = x[..., i stride + k, ...]. f32, f64, i64. */
GR_API gr_tensor *gr_windows(const gr_tensor *x, int axis, int64_t size, int64_t stride);

/* The adjoint: zeros of `extent` along the axis, to which the windows (elements along the last
 * axis) are added where they lie, in order. f32, f64, i64. */
GR_API gr_tensor *gr_overlap_add(const gr_tensor *x, int axis, int64_t stride, int64_t extent);

/* (N, C, H, W) -> (N, C * rows.size * columns.size, windows): the elements of each window as a
 * column, channel by channel (im2col). Padding is zeros. */
GR_API gr_tensor *gr_unfold2d(const gr_tensor *x, gr_window rows, gr_window columns);

/* The adjoint: adds the columns up to images (N, C, height, width) (col2im). */
GR_API gr_tensor *gr_fold2d(const gr_tensor *x, int64_t height, int64_t width, gr_window rows,
                            gr_window columns);

/* ---- resolution ---- */

/* (*, H, W) -> (*, height, width): y[i] = x[floor(i H / height)], likewise along the other axis. */
GR_API gr_tensor *gr_upsample_nearest2d(const gr_tensor *x, int64_t height, int64_t width);

/* The same, linear between neighbours along both axes. Elements are areas, so that the edges of the
 * images coincide, or, with align_corners, points, so that the outermost ones do. */
GR_API gr_tensor *gr_upsample_bilinear2d(const gr_tensor *x, int64_t height, int64_t width,
                                         bool align_corners);

/* What lies outside of a sampled image. */
typedef enum gr_border {
    GR_BORDER_ZEROS, /* zeros */
    GR_BORDER_EDGE   /* the nearest element of the image */
} gr_border;

/* x (N, C, H, W) at the places of grid (N, height, width, 2), bilinear between neighbours:
 * (N, C, height, width). grid[..., 0] is the column and grid[..., 1] the row, from -1 to 1 over the
 * image, from edge to edge or, with align_corners, from the first element to the last (Jaderberg et
 * al. 2015). Gradients for x and grid; along a line of elements the slope is that of the side of
 * higher places, beyond an edge that is held it is 0. */
GR_API gr_tensor *gr_grid_sample(const gr_tensor *x, const gr_tensor *grid, gr_border border,
                                 bool align_corners);

#ifdef __cplusplus
}
#endif
#endif
