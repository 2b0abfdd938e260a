"""Reductions along axes, and what is made of them."""

import torch
import torch.nn.functional

from composing import *

gr_argmax = torch.argmax
gr_argmin = torch.argmin


def gr_mean(x, axes, keepdim):
    if x.numel() == 0:  # ours is 0 where PyTorch's is NaN
        return torch.nan_to_num(torch.mean(x, axes_of(x, axes), keepdim))
    return torch.mean(x, axes_of(x, axes), keepdim)


def gr_prod(x, axes, keepdim):
    for axis in sorted(axis % x.dim() for axis in axes_of(x, axes))[::-1]:
        x = torch.prod(x, axis, keepdim)
    return x


def gr_max(x, axes, keepdim):
    return torch.amax(x, axes_of(x, axes), keepdim)


def gr_min(x, axes, keepdim):
    return torch.amin(x, axes_of(x, axes), keepdim)


def gr_any(x, axes, keepdim):
    return torch.any(x != 0, axes_of(x, axes), keepdim).to(x.dtype)


def gr_all(x, axes, keepdim):
    return torch.all(x != 0, axes_of(x, axes), keepdim).to(x.dtype)


def gr_norm(x, axes, keepdim):
    return torch.linalg.vector_norm(x, 2, axes_of(x, axes), keepdim)


def gr_normalize(x, axes, eps):
    return torch.nn.functional.normalize(x, 2, axes, eps)


def gr_var(x, axes, keepdim, correction):
    return torch.var(x, axes_of(x, axes), correction=correction, keepdim=keepdim)


def gr_std(x, axes, keepdim, correction):
    return torch.std(x, axes_of(x, axes), correction=correction, keepdim=keepdim)


def gr_standardize(x, axes, eps):
    rest = [axis for axis in range(x.dim()) if axis not in axes]
    rows = x.permute(*rest, *axes)
    extents = rows.shape[len(rest) :]
    flat = torch.nn.functional.layer_norm(rows, extents, eps=eps)
    order = [*rest, *axes]
    return flat.permute([order.index(axis) for axis in range(x.dim())])


def gr_logsumexp(x, axes, keepdim):
    return torch.logsumexp(x, axes_of(x, axes), keepdim)


def gr_log_softmax(x, axes):
    return x - torch.logsumexp(x, axes, True)


def gr_softmax(x, axes):
    return torch.exp(gr_log_softmax(x, axes))
