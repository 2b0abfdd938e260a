"""Elementwise operations: one line each, from PyTorch where it has them, else SciPy or mpmath."""

import math

import mpmath
import numpy as np
import scipy.special
import torch
import torch.nn.functional as nn

mpmath.mp.prec = 1500


def operands(*values):
    like = next(value for value in values if isinstance(value, torch.Tensor))
    return [torch.as_tensor(value, dtype=like.dtype) for value in values]


def of_tensors(f):
    """f with numbers as tensors, where PyTorch wants only these."""
    return lambda *values: f(*operands(*values))


def of_arrays(f):
    """f of NumPy arrays."""
    return lambda *values: torch.from_numpy(np.asarray(f(*(v.numpy() for v in operands(*values)))))


def exactly(f):
    """f of mpmath's numbers, element by element."""

    def at(*numbers):
        if any(math.isnan(number) for number in numbers):
            return math.nan
        return float(f(*map(mpmath.mpf, numbers)))

    return of_arrays(np.vectorize(at, otypes=[np.float64]))


def gate(f):
    """x f(x) of mpmath's numbers, where f vanishes faster than x grows; the zero keeps its sign."""
    at = exactly(lambda x: x * f(x))
    tiny = torch.tensor(-0.0)
    return lambda x: torch.where(x == 0, x, torch.where(x == -math.inf, tiny, at(x)))


def of_angle(f):
    """f of mpmath's numbers; a zero keeps its sign where f does."""
    at = exactly(f)
    return lambda x: torch.where((x == 0) & (at(x) == 0), x, at(x))


def comparison(f):
    return of_tensors(lambda *values: f(*values).to(values[0].dtype))


# arithmetic
gr_neg = torch.neg
gr_add = of_tensors(torch.add)
gr_sub = of_tensors(torch.sub)
gr_mul = of_tensors(torch.mul)
gr_div = of_tensors(torch.div)
gr_add_mul = of_tensors(torch.addcmul)
gr_lerp = of_tensors(torch.lerp)
gr_square = torch.square
gr_sqrt = torch.sqrt
gr_rsqrt = torch.rsqrt
gr_cbrt = of_arrays(np.cbrt)
gr_reciprocal = torch.reciprocal
gr_pow = of_arrays(np.power)
gr_hypot = of_arrays(np.hypot)
gr_remainder = of_arrays(np.remainder)

# exponentials and logarithms
gr_exp = torch.exp
gr_expm1 = torch.expm1
gr_exp2 = torch.exp2
gr_log = torch.log
gr_log2 = torch.log2
gr_log10 = torch.log10
gr_log1p = torch.log1p
gr_log_cosh = exactly(lambda x: abs(x) if mpmath.isinf(x) else mpmath.log(mpmath.cosh(x)))


def _log1mexp(x):
    return mpmath.log(-mpmath.expm1(x)) if x < 0 else mpmath.ninf if x == 0 else mpmath.nan


def _logsubexp(a, b):
    return mpmath.ninf if a == b else a + _log1mexp(b - a)


gr_log1mexp = of_tensors(lambda x: -torch.abs(exactly(_log1mexp)(x)))
gr_logaddexp = of_tensors(torch.logaddexp)
gr_logsubexp = exactly(_logsubexp)
gr_xlogy = of_tensors(torch.xlogy)
gr_xlog1py = of_tensors(torch.special.xlog1py)

# circular and hyperbolic functions, the error function
gr_sin = of_angle(mpmath.sin)
gr_cos = of_angle(mpmath.cos)
gr_tan = of_angle(mpmath.tan)
gr_asin = torch.asin
gr_acos = torch.acos
gr_atan = torch.atan
gr_atan2 = of_tensors(torch.atan2)
gr_sinh = torch.sinh
gr_cosh = torch.cosh
gr_asinh = of_arrays(np.arcsinh)
gr_acosh = torch.acosh
gr_atanh = torch.atanh
gr_erf = torch.erf

# activations
gr_tanh = torch.tanh
gr_sigmoid = of_arrays(scipy.special.expit)
gr_softplus = of_tensors(lambda x: torch.logaddexp(x, torch.zeros_like(x)))
gr_log_sigmoid = of_arrays(scipy.special.log_expit)
gr_leaky_relu = of_tensors(nn.prelu)
gr_elu = of_tensors(lambda a, b: torch.where(a > 0, a, b * torch.expm1(a)))
gr_celu = of_tensors(lambda a, b: torch.where(a > 0, a, b * nn.elu(a / b)))
gr_selu = torch.selu
gr_silu = gate(lambda x: 1 / (1 + mpmath.exp(-x)))
gr_mish = gate(lambda x: mpmath.tanh(mpmath.log1p(mpmath.exp(x))))
gr_gelu = gate(mpmath.ncdf)
gr_gelu_tanh = gate(
    lambda x: (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mpf("0.044715") * x**3))) / 2
)
gr_relu = torch.relu
gr_relu6 = nn.relu6
gr_softsign = nn.softsign
gr_tanhshrink = of_tensors(lambda x: torch.where(x == 0, x, exactly(lambda v: v - mpmath.tanh(v))(x)))
gr_hard_tanh = nn.hardtanh
gr_hard_sigmoid = nn.hardsigmoid
gr_hard_swish = nn.hardswish
gr_softshrink = of_tensors(lambda a, b: torch.sign(a) * nn.relu(torch.abs(a) - b))
gr_hardshrink = of_tensors(lambda a, b: torch.where(torch.abs(a) <= b, 0, a))

# pieces
gr_abs = torch.abs
gr_floor = torch.floor
gr_ceil = torch.ceil
gr_trunc = torch.trunc
gr_round = torch.round
gr_sign = lambda x: torch.where(torch.isnan(x) | (x == 0), x, torch.sgn(x))
gr_maximum = of_tensors(torch.maximum)
gr_minimum = of_tensors(torch.minimum)
gr_clamp = of_tensors(torch.clamp)
gr_huber = of_arrays(lambda a, b: scipy.special.huber(b, a))
gr_where = lambda c, a, b: torch.where(c != 0, a, b)

# comparisons
gr_equal = comparison(torch.eq)
gr_not_equal = comparison(torch.ne)
gr_less = comparison(torch.lt)
gr_less_equal = comparison(torch.le)
gr_greater = comparison(torch.gt)
gr_greater_equal = comparison(torch.ge)
gr_between = comparison(lambda x, a, b: (x > a) & (x < b))
gr_is_nan = comparison(torch.isnan)
gr_is_finite = comparison(torch.isfinite)
