"""Special functions: mpmath, to 50 digits, with limits at infinities and poles as SciPy has them."""

import numpy as np
from mpmath import mp, mpf

from composing import *

mp.dps = 50
HIGHEST = 16


def wrap(x):
    return x


def orders(n, x):
    return n


def _each(function):
    """The function of one number (after an order), element by element, NaN for NaN."""

    def of_one(*operands):
        if any(np.isnan(v) for v in operands):
            return np.nan
        return float(function(*(mpf(float(v)) for v in operands)))

    return np.vectorize(of_one, otypes=[np.float64])


def _of_order(function):
    def of_valid(n, x):
        return function(int(n), x) if 0 <= n <= HIGHEST and n == mp.floor(n) else mp.nan

    return _each(of_valid)


def _pole(x):
    return x <= 0 and (mp.isinf(x) or x == mp.floor(x))


def _scaled_tail(a):
    """sqrt(2 pi) e^(a^2 / 2) times the normal distribution beyond a >= 0."""
    if a > 1000:
        terms = [1 / a]
        for k in range(1, 12):
            terms.append(-terms[-1] * (2 * k - 1) / a**2)
        return mp.fsum(terms)
    return mp.sqrt(mp.pi / 2) * mp.exp(a * a / 2) * mp.erfc(a / mp.sqrt(2))


def _erfc(x):
    return mp.erfc(max(-1000, min(x, 1000)))


gr_erfc = _each(_erfc)


@_each
def gr_ndtr(x):
    return _erfc(-x / mp.sqrt(2)) / 2


@_each
def gr_log_ndtr(x):
    if mp.isinf(x):
        return -0.0 if x > 0 else x
    if x > 0:
        return -0.0 if x > 40 else mp.log1p(-mp.erfc(x / mp.sqrt(2)) / 2)
    return -x * x / 2 + mp.log(_scaled_tail(-x) / mp.sqrt(2 * mp.pi))


@_each
def gr_inverse_mills(x):
    if mp.isinf(x):
        return 0 if x > 0 else mp.inf
    return 1 / _scaled_tail(-x) if x <= 0 else mp.npdf(x) / mp.ncdf(x)


@_of_order
def gr_truncated_moment(n, x):
    if n == 0 or mp.isinf(x):
        return 1 if n == 0 else max(x, 0)
    with mp.workdps(400):
        below, moment = mpf(1), x + (1 / _scaled_tail(-x) if x <= 0 else mp.npdf(x) / mp.ncdf(x))
        if x < -1000:
            moment = -1 / x + 2 / x**3 - 10 / x**5 + 74 / x**7
        for k in range(1, n):
            below, moment = moment, x * moment + k * below
    return moment


@_each
def gr_lgamma(x):
    if _pole(x) or mp.isinf(x):
        return mp.inf
    if x > 0:
        return mp.loggamma(x)
    return mp.log(mp.pi / abs(x * mp.sinpi(x))) - mp.loggamma(-x)


def gr_digamma(x):
    return np.where(x == 0, np.copysign(np.inf, -x), _digamma(x))


@_each
def _digamma(x):
    return mp.nan if _pole(x) else mp.digamma(x)


@_of_order
def gr_polygamma(n, x):
    if n == 0:
        return mp.nan if _pole(x) else mp.digamma(x)
    sign = 1 if n % 2 else -1
    if _pole(x):
        return sign * mp.inf
    return sign * 0.0 if mp.isinf(x) else mp.psi(n, x)


def gr_trigamma(x):
    return gr_polygamma(1, x)


@_of_order
def _ive(n, x):
    sign = -1 if n % 2 and x < 0 else 1
    a = abs(x)
    if mp.isinf(a):
        return sign * 0.0
    if a > 500:
        terms = [1 / mp.sqrt(2 * mp.pi * a)]
        for k in range(1, 30):
            terms.append(-terms[-1] * (4 * n * n - (2 * k - 1) ** 2) / (8 * k * a))
        return sign * mp.fsum(terms)
    return sign * mp.exp(-a) * mp.besseli(n, a)


def gr_ive(n, x):
    y = _ive(n, x)
    return np.where(np.mod(n, 2) == 1, np.copysign(y, x), y)


def gr_i0e(x):
    return gr_ive(0, x)


def gr_i1e(x):
    return gr_ive(1, x)
