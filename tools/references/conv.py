"""Convolutions, from PyTorch; options as tests/primitives/conv.h makes them."""

import dataclasses

import torch
import torch.nn.functional as F

from composing import *


@dataclasses.dataclass
class Options:
    stride: tuple = (1, 1)
    padding: tuple = (0, 0)
    dilation: tuple = (1, 1)
    output_padding: tuple = (0, 0)
    groups: int = 1


plain = Options


def padded(h, w):
    return Options(padding=(h, w))


def strided(h, w, options):
    return dataclasses.replace(options, stride=(h, w))


def dilated(h, w, options):
    return dataclasses.replace(options, dilation=(h, w))


def grouped(groups, options):
    return dataclasses.replace(options, groups=groups)


def enlarged(h, w, options):
    return dataclasses.replace(options, output_padding=(h, w))


def gr_conv2d(x, weight, o):
    return F.conv2d(x, weight, None, o.stride, o.padding, o.dilation, o.groups)


def gr_conv1d(x, weight, o):
    return F.conv1d(x, weight, None, o.stride[0], o.padding[0], o.dilation[0], o.groups)


def gr_conv_transpose2d(x, weight, o):
    return F.conv_transpose2d(
        x, weight, None, o.stride, o.padding, o.output_padding, o.groups, o.dilation
    )


def gr_conv_transpose1d(x, weight, o):
    return F.conv_transpose1d(
        x, weight, None, o.stride[0], o.padding[0], o.output_padding[0], o.groups, o.dilation[0]
    )
