"""Real Fourier transforms: torch.fft."""

import torch

from composing import *


def gr_rfft(x):
    bins = x.new_zeros(*x.shape[:-1], x.shape[-1] // 2 + 1, dtype=torch.complex128)
    return torch.view_as_real(torch.fft.rfft(x) if x.numel() else bins)


def gr_irfft(y, n):
    rows = torch.view_as_complex(y.contiguous())
    return torch.fft.irfft(rows, n) if y.numel() else y.new_zeros(*y.shape[:-2], n)
