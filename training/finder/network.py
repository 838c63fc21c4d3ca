"""The network: a small backbone, a feature pyramid, and one head for three sizes of digits."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn

from data import CLASSES

STRIDES = (4, 8, 16)
"""Pixels of the input between neighbouring cells, by level."""
SIZES = ((0.0, 36.0), (26.0, 84.0), (62.0, math.inf))
"""Pixels of the longer side of the boxes that each level has to find. They overlap: a box near a limit that only one
level had to find would be found by neither with certainty."""
WIDTHS = (32, 48, 80, 80)
DEPTHS = (2, 2, 2)
SPREADS = (1, 1, 2)
"""Dilation of the convolutions of a stage: the last one has to see the largest digits whole."""
PYRAMID = 48
BASE = 4
"""A box of the raw size 0 is this many strides wide and high."""
FAINT = 2e-4
"""Contrast (variance, input -1..1) below which there is nothing to see: some two grey levels."""
RARE = 0.01
"""Score of everything before training."""


def cells(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Middles [A, 2] (x, y) and strides [A] of all cells of a square input, level by level, row by row."""
    middles, strides = [], []
    for stride in STRIDES:
        along = (np.arange(side // stride) + 0.5) * stride
        middles.append(np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 2))
        strides.append(np.full(len(middles[-1]), stride))
    return np.concatenate(middles).astype(np.float32), np.concatenate(strides).astype(np.float32)


def _conv(inputs: int, outputs: int, stride: int = 1, spread: int = 1) -> nn.Sequential:
    """3x3 convolution, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, spread, dilation=spread, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def _stage(inputs: int, outputs: int, depth: int, spread: int) -> nn.Sequential:
    """Halves the size, then looks `depth` times again."""
    again = [_conv(outputs, outputs, spread=spread) for _ in range(depth)]
    return nn.Sequential(_conv(inputs, outputs, 2), *again)


class Entry(nn.Module):
    """[N, 1, H, W] to [N, 32, H/4, W/4], the same for light ink on dark paper as for dark on light.

    Local mean and contrast are taken out first, so that faint ink in the shade reads as black on white does; a filter
    and its negative then answer alike.
    """

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.blocks = nn.PixelUnshuffle(4)
        self.filters = nn.Conv2d(16, outputs, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.again = _conv(outputs, outputs)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        centred = image - _neighbourhood(image)
        contrast = _neighbourhood(centred.square())
        return self.again(self.norm(self.filters(self.blocks(centred * (contrast + FAINT).rsqrt())).abs()))


def _neighbourhood(image: torch.Tensor) -> torch.Tensor:
    """The mean of some 40 pixels in each direction, smoothly."""
    coarse = nn.functional.avg_pool2d(image, 16)
    smooth = nn.functional.avg_pool2d(coarse, 3, 1, 1, count_include_pad=False)
    return nn.functional.interpolate(smooth, scale_factor=16.0, mode='bilinear', align_corners=False)


class FinderNet(nn.Module):
    """[N, 1, side, side] float32 to boxes [N, 4, A] (centre x, y, width, height in pixels) and class logits [N, 10, A].

    The pyramid hands what the coarse stages know to the fine ones (Lin et al., 2017); boxes are anchor-free, relative
    to their cell (as in Tian et al., FCOS, 2019, but by centre and size). The levels share the head's weights but not
    its statistics, which differ: averaged over the levels they would be wrong for each.
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        self.entry = Entry(WIDTHS[0])
        self.stages = nn.ModuleList(
            _stage(*each) for each in zip(WIDTHS[:-1], WIDTHS[1:], DEPTHS, SPREADS, strict=True)
        )
        self.lateral = nn.ModuleList(nn.Conv2d(width, PYRAMID, 1) for width in WIDTHS)
        self.head = nn.Conv2d(PYRAMID, PYRAMID, 3, padding=1, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(PYRAMID) for _ in STRIDES)
        self.answer = nn.Conv2d(PYRAMID, 4 + CLASSES, 1)
        nn.init.constant_(self.answer.bias[4:], -math.log(1 / RARE - 1))
        middles, strides = cells(side)
        self.register_buffer('middles', torch.from_numpy(middles).T[None].contiguous(), persistent=False)
        self.register_buffer('strides', torch.from_numpy(strides)[None, None], persistent=False)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = [self.entry(image)]
        for stage in self.stages:
            features.append(stage(features[-1]))
        merged = self.lateral[-1](features[-1])
        raw = []
        for level in reversed(range(len(STRIDES))):
            merged = nn.functional.interpolate(merged, scale_factor=2.0) + self.lateral[level](features[level])
            seen = self.norms[level](self.head(merged)).relu()
            raw.insert(0, self.answer(seen).flatten(2))
        values = torch.cat(raw, dim=2)
        centre = self.middles + values[:, :2] * self.strides
        size = values[:, 2:4].clamp(-4, 4).exp() * BASE * self.strides
        return torch.cat([centre, size], dim=1), values[:, 4:]


class Exported(nn.Module):
    """What the service's decoder `yolo` reads: [N, 4 + 10, A], box and scores."""

    def __init__(self, net: FinderNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        boxes, logits = self.net(image)
        return torch.cat([boxes, logits.sigmoid()], dim=1)
