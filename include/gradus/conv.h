/* Convolutions, differentiable to any order.
 *
 *     gr_conv_options options = gr_conv_defaults();
 *     options.padding[0] = options.padding[1] = 1;
 *     gr_tensor *y = gr_conv2d(x, weight, options);
 *
 * As in PyTorch "convolution" means cross-correlation: the kernel is not turned round. Padding is
 * zeros, which take part in sums: zero times an infinite weight is NaN. f32 and f64, operands of
 * one dtype and of any layout, batches of any size, none included. The same bits for the same
 * sizes, options and instruction set, whatever the number of threads.
 *
 * What does not fit gives an error tensor: ranks, channels that the groups do not divide or that
 * weight does not have, a kernel that reaches beyond x and its padding, options out of range. */
#ifndef GRADUS_CONV_H
#define GRADUS_CONV_H

#include <gradus/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where the kernel meets x, along rows and columns as gr_window has it; functions of one dimension
 * read the first of each pair. Each number is at most 1048576. */
typedef struct gr_conv_options {
    int64_t stride[2];         /* from one window to the next; 1 or more */
    int64_t padding[2];        /* zeros on either side of the axis; 0 or more */
    int64_t dilation[2];       /* from one element of a window to the next; 1 or more */
    int64_t output_padding[2]; /* transposed only: extent added at the end of the axis; 0 or more,
                                  less than stride or dilation */
    int64_t groups; /* channels fall into so many groups that know nothing of each other; 1 or
                       more */
} gr_conv_options;

/* Strides, dilations and groups 1, paddings 0. */
GR_API gr_conv_options gr_conv_defaults(void);

/* y[n][o][i][j] = sum over c, a, b of
 *     weight[o][c][a][b] x[n][c][i stride + a dilation - padding][j stride + ...]
 * for x (N, C, H, W) and weight (O, C / groups, kh, kw); y is (N, O, H', W') with
 *     H' = floor((H + 2 padding - dilation (kh - 1) - 1) / stride) + 1. */
GR_API gr_tensor *gr_conv2d(const gr_tensor *x, const gr_tensor *weight, gr_conv_options options);

/* The same for x (N, C, W) and weight (O, C / groups, k). */
GR_API gr_tensor *gr_conv1d(const gr_tensor *x, const gr_tensor *weight, gr_conv_options options);

/* The adjoint of gr_conv2d as a function of x, also called deconvolution: every element of x adds
 * its multiple of the kernel to y, windows `stride` apart. x is (N, C, H, W), weight
 * (C, O / groups, kh, kw), y (N, O, H', W') with
 *     H' = (H - 1) stride - 2 padding + dilation (kh - 1) + output_padding + 1. */
GR_API gr_tensor *gr_conv_transpose2d(const gr_tensor *x, const gr_tensor *weight,
                                      gr_conv_options options);

/* The same for x (N, C, W) and weight (C, O / groups, k). */
GR_API gr_tensor *gr_conv_transpose1d(const gr_tensor *x, const gr_tensor *weight,
                                      gr_conv_options options);

#ifdef __cplusplus
}
#endif
#endif
