"""Reductions along axes."""

import torch


def _axes(x, axes):
    return tuple(range(x.dim())) if axes is None else axes


def gr_sum(x, axes, keepdim):
    return torch.sum(x, _axes(x, axes), keepdim)
