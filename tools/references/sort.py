"""Order along an axis: PyTorch's stable sort, whose first elements are the top k, and NumPy's
quantiles and medians."""

import numpy as np
import torch

from composing import *


def gr_sort(x, axis, descending):
    return torch.sort(x, dim=axis, descending=descending, stable=True).values


def gr_argsort(x, axis, descending):
    return torch.argsort(x, dim=axis, descending=descending, stable=True)


def gr_topk(x, k, axis, largest):
    return gr_sort(x, axis, largest).narrow(axis, 0, k)


def gr_argtopk(x, k, axis, largest):
    return gr_argsort(x, axis, largest).narrow(axis, 0, k)


def gr_ranks(x, axis, descending):
    return torch.argsort(gr_argsort(x, axis, descending), dim=axis)


def gr_quantile(x, q, axis, keepdim):
    return torch.as_tensor(np.quantile(x.numpy(), q, axis=axis, keepdims=keepdim))


def gr_median(x, axis, keepdim):
    return torch.as_tensor(np.median(x.numpy(), axis, keepdims=keepdim))
