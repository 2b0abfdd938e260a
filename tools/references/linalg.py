"""Linear algebra: torch.linalg, torch.einsum."""

import torch

NULL = None
GR_LOWER, GR_UPPER, GR_UNIT = 0, 1, 2

gr_detach = torch.Tensor.detach
gr_transpose = torch.transpose
gr_reshape = torch.reshape
gr_flip = torch.flip
gr_mul = torch.mul


def symmetric(x):
    return (x + x.mT) / 2


def gr_dot(a, b):
    return torch.linalg.vecdot(a, b)


def gr_outer(a, b):
    return torch.einsum("...i,...j->...ij", a, b)


def gr_matvec(a, x):
    return torch.einsum("...ij,...j->...i", a, x)


def gr_trace(a):
    return torch.einsum("...ii->...", a)


def gr_einsum(subscripts, a, b):
    return torch.einsum(subscripts, *([a] if b is None else [a, b]))


def gr_cholesky(a):
    return torch.linalg.cholesky(a)


def gr_triangular_solve(a, b, triangle):
    upper, unit = bool(triangle & GR_UPPER), bool(triangle & GR_UNIT)
    return torch.linalg.solve_triangular(a, b, upper=upper, unitriangular=unit)


def gr_solve(a, b):
    return torch.linalg.inv(a) @ b if a.shape[-1] == 0 else torch.linalg.solve(a, b)


gr_inverse = torch.linalg.inv
gr_det = torch.linalg.det


def gr_slogdet(a, sign):
    return torch.linalg.slogdet(a).logabsdet


def slogdet_sign(a):
    return torch.linalg.slogdet(a).sign + 0.0


def gr_logdet(a):
    return torch.logdet(a)
