"""Linear algebra: torch.linalg, torch.einsum, scipy.linalg, scipy.spatial."""

import numpy as np
import scipy.linalg
import scipy.spatial.distance
import torch

from composing import *

NULL = None
GR_LOWER, GR_UPPER, GR_UNIT = 0, 1, 2
GR_SQRT_ITERATIONS = 24


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


def _each(function, *operands):
    """function of every matrix of a batch, in NumPy."""
    batch = torch.broadcast_shapes(*(a.shape[:-2] for a in operands))
    full = [a.expand(*batch, *a.shape[-2:]).numpy() for a in operands]
    values = [function(*(a[i] for a in full)) for i in np.ndindex(*batch)]
    return np.reshape(values, batch + values[0].shape)


def gr_matrix_sqrt(a, iterations):
    return _each(lambda m: np.real(scipy.linalg.sqrtm(m)) if m.any() else m, a)


def gr_matrix_inverse_sqrt(a, iterations):
    return torch.linalg.inv(torch.from_numpy(gr_matrix_sqrt(a, iterations)))


def gr_trace_sqrt(a, iterations):
    return torch.linalg.eigvals(a).sqrt().real.sum(-1)


def start(x):
    return None


def gr_spectral_norm(w, u, iterations, next):
    return torch.linalg.matrix_norm(w, 2)


def gr_pairwise_distance2(x, y):
    return _each(lambda a, b: scipy.spatial.distance.cdist(a, b, "sqeuclidean"), x, y)


def gr_pairwise_distance(x, y):
    return _each(scipy.spatial.distance.cdist, x, y)
