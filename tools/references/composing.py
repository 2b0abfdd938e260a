"""Operations that the rows of several families are composed with."""

import torch


def axes_of(x, axes):
    """All of them for GR_ALL_AXES."""
    return tuple(range(x.dim())) if axes is None else axes


def gr_add(a, b):
    return a + b


def gr_sub(a, b):
    return a - b


def gr_mul(a, b):
    return a * b


def gr_square(x):
    return x * x


def gr_exp(x):
    return torch.exp(x)


def gr_tanh(x):
    return torch.tanh(x)


def gr_relu(x):
    return torch.relu(x)


def gr_round(x):
    return torch.round(x)


def gr_greater(a, b):
    return (a > b) * 1.0


def gr_sum(x, axes, keepdim):
    return torch.sum(x, axes_of(x, axes), keepdim)


def gr_matmul(a, b):
    return torch.matmul(a, b)


def gr_detach(x):
    return x


def gr_reshape(x, shape):
    return torch.reshape(x, shape)


def gr_permute(x, order):
    return torch.permute(x, order)


def gr_transpose(x, axis0, axis1):
    return torch.transpose(x, axis0, axis1)


def gr_expand(x, shape):
    return torch.broadcast_to(x, shape)


def gr_flip(x, axes):
    return torch.flip(x, axes_of(x, axes))


def gr_slice_step(x, axis, start, stop, step):
    parts = [slice(None)] * x.dim()
    parts[axis] = slice(start, stop, step)
    return x[tuple(parts)]


def gr_slice(x, axis, start, stop):
    return gr_slice_step(x, axis, start, stop, None)
