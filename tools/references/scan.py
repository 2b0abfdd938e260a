"""Scans along an axis."""

import torch

from composing import *

gr_cumsum = torch.cumsum
gr_cumprod = torch.cumprod
gr_logcumsumexp = torch.logcumsumexp


def gr_recurrence(a, b, axis):
    """y_i is the sum over k <= i of b_k a_(k+1) ... a_i."""
    a = torch.broadcast_to(torch.as_tensor(a), b.shape).movedim(axis, -1)
    b = b.movedim(axis, -1)
    y = torch.empty_like(b)
    for i in range(b.shape[-1]):
        for k in range(i + 1):
            term = b[..., k] * torch.prod(a[..., k + 1 : i + 1], -1)
            y[..., i] = term if k == 0 else y[..., i] + term
    return y.movedim(-1, axis)
