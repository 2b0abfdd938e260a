"""Operations that the rows of other families are composed with."""

import torch


def gr_add(a, b):
    return a + b


def gr_sub(a, b):
    return a - b


def gr_mul(a, b):
    return a * b


def gr_exp(x):
    return torch.exp(x)


def gr_square(x):
    return x * x


def gr_round(x):
    return torch.round(x)


def gr_greater(a, b):
    return (a > b) * 1.0


def gr_sum(x, axes, keepdim):
    return torch.sum(x, tuple(range(x.dim())) if axes is None else axes, keepdim)
