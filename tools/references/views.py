"""Views, indexing, casts; the commonest views and matrix products are in composing.py."""

import numpy as np
import torch

from composing import *


def gr_flatten(x, first, last):
    return torch.flatten(x, first, last)


def gr_squeeze(x, axis):
    return torch.squeeze(x, axis)


def gr_unsqueeze(x, axis):
    return torch.unsqueeze(x, axis)


def gr_move_axis(x, source, to):
    return torch.movedim(x, source, to)


def gr_sum_to(x, shape):
    return x.sum_to_size(shape)


def gr_unslice(x, axis, start, extent):
    shape = list(x.shape)
    shape[axis] = extent
    y = x.new_zeros(shape)
    y.narrow(axis, start, x.shape[axis]).copy_(x)
    return y


def gr_gather(x, axis, index):
    return torch.gather(x, axis, index)


def gr_scatter_add(source, axis, index, extent):
    shape = list(source.shape)
    shape[axis] = extent
    return source.new_zeros(shape).scatter_add(axis, index, source)


def gr_take(x, axis, index):
    return torch.from_numpy(np.take(x.numpy(), index.numpy(), axis))


def gr_one_hot(index, classes):
    return torch.nn.functional.one_hot(index, classes).double()


def gr_cast(x, dtype):
    return torch.from_numpy(x.numpy().astype(dtype))
