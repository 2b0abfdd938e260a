"""Joining, parting, padding, repeating, diagonals, triangles, masks."""

import functools
import operator

import numpy as np
import torch

from views import *


def GR_LIST(*tensors):
    return tensors


def gr_concat(tensors, axis):
    return torch.cat(tensors, axis)


def gr_stack(tensors, axis):
    return torch.stack(tensors, axis)


def split_part(x, axis, parts, which):
    return torch.tensor_split(x, parts, axis)[which]


def sizes_part(x, axis, a, b, which):
    return torch.split(x, [a, b], axis)[which]


def unstacked_product(x, axis):
    return functools.reduce(operator.mul, torch.unbind(x, axis))


def _padded(mode):
    def pad(x, axis, before, after, **more):
        width = [(0, 0)] * x.dim()
        width[axis] = (before, after)
        return np.pad(x.numpy(), width, mode, **more)

    return lambda *arguments, **more: torch.from_numpy(pad(*arguments, **more))


def gr_pad(x, axis, before, after, value):
    return _padded("constant")(x, axis, before, after, constant_values=value)


gr_pad_reflect = _padded("reflect")
gr_pad_replicate = _padded("edge")
gr_pad_circular = _padded("wrap")


def gr_tile(x, repeats):
    return torch.tile(x, repeats)


def gr_repeat(x, axis, times):
    return torch.repeat_interleave(x, times, axis)


def gr_roll(x, axis, shift):
    return torch.roll(x, shift, axis)


def gr_diagonal(x, offset):
    return torch.diagonal(x, offset, -2, -1)


def gr_diag_embed(x, offset):
    return torch.diag_embed(x, offset)


def gr_tril(x, offset):
    return torch.tril(x, offset)


def gr_triu(x, offset):
    return torch.triu(x, offset)


def mesh(x, y, which):
    return torch.meshgrid(x, y, indexing="ij")[which]


def gr_masked_fill(x, mask, value):
    return x.masked_fill(mask != 0, value)


def gr_straight_through(hard, soft):
    return hard


def gr_eye(rows, columns):
    return torch.eye(rows, columns)


def gr_linspace(dtype, n, first, last):
    return np.linspace(first, last, n, dtype=dtype)


def gr_zeros_like(x):
    return torch.zeros_like(x)


def gr_ones_like(x):
    return torch.ones_like(x)


def gr_full_like(x, value):
    return torch.full_like(x, value)
