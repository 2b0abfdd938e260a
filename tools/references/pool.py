"""Pooling, windows and changes of resolution: PyTorch's functions, for any number of leading axes."""

import torch
import torch.nn.functional as nn

from composing import *

GR_BORDER_ZEROS = "zeros"
GR_BORDER_EDGE = "border"


def window(size, stride, padding):
    return size, min(stride, 1000), padding


def places(fractions, halves):
    return fractions + 0.5 * halves


def _of_images(function, x, axes):
    planes = x.reshape(x.shape[: x.dim() - axes].numel(), 1, *x.shape[x.dim() - axes :])
    y = function(planes)
    return y.reshape(*x.shape[: x.dim() - axes], *y.shape[2:])


def gr_max_pool1d(x, w):
    return _of_images(lambda p: nn.max_pool1d(p, *w), x, 1)


def gr_max_pool2d(x, rows, columns):
    return _of_images(lambda p: nn.max_pool2d(p, *zip(rows, columns)), x, 2)


def gr_avg_pool1d(x, w, count_padding):
    return _of_images(lambda p: nn.avg_pool1d(p, *w, False, count_padding), x, 1)


def gr_avg_pool2d(x, rows, columns, count_padding):
    return _of_images(lambda p: nn.avg_pool2d(p, *zip(rows, columns), False, count_padding), x, 2)


def gr_windows(x, axis, size, step):
    return x.unfold(axis, size, min(step, 1000))


def gr_overlap_add(x, axis, step, extent):
    shape = list(x.shape[:-1])
    axis %= len(shape)
    windows, shape[axis] = shape[axis], extent
    zeros = torch.zeros(shape, requires_grad=True)
    if x.numel() == 0:
        return zeros.detach().to(x.dtype)
    seen = zeros.unfold(axis, x.shape[-1], step).narrow(axis, 0, windows)
    return torch.autograd.grad(seen, zeros, x.double())[0].to(x.dtype)


def _unfolding(rows, columns):
    size, stride, padding = zip(rows, columns)
    return {"kernel_size": size, "stride": stride, "padding": padding}


def gr_unfold2d(x, rows, columns):
    return nn.unfold(x, **_unfolding(rows, columns))


def gr_fold2d(x, height, width, rows, columns):
    return nn.fold(x, (height, width), **_unfolding(rows, columns))


def gr_upsample_nearest2d(x, height, width):
    return _of_images(lambda p: nn.interpolate(p, (height, width), mode="nearest"), x, 2)


def gr_upsample_bilinear2d(x, height, width, align_corners):
    return _of_images(
        lambda p: nn.interpolate(p, (height, width), mode="bilinear", align_corners=align_corners), x, 2
    )


def gr_grid_sample(x, grid, border, align_corners):
    return nn.grid_sample(x, grid, "bilinear", border, align_corners)
