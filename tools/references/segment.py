"""Groups of rows: each segment's rows are selected and reduced by PyTorch."""

import torch

from composing import *


def _each(x, index, n, of):
    """of(the rows of a segment), stacked."""
    empty = x.new_empty((0, *x.shape[1:]))
    return torch.stack([of(x[index == i]) for i in range(n)]) if n else empty


def _max(rows):
    return rows.amax(0) if len(rows) else torch.full(rows.shape[1:], -torch.inf)


def gr_segment_sum(x, index, n):
    return _each(x, index, n, lambda rows: rows.sum(0))


def gr_segment_mean(x, index, n):
    return _each(x, index, n, lambda rows: rows.sum(0) / max(len(rows), 1))


def gr_segment_max(x, index, n):
    return _each(x, index, n, _max)


def gr_segment_logsumexp(x, index, n):
    return _each(x, index, n, lambda rows: torch.logsumexp(rows, 0))


def gr_segment_softmax(x, index, n):
    y = torch.empty_like(x)
    for i in range(n):
        y[index == i] = torch.softmax(x[index == i], 0)
    return y
