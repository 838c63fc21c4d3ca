"""The network."""

from __future__ import annotations

import torch
from torch import nn


def _block(inputs: int, outputs: int, side: int = 3) -> list[nn.Module]:
    """Convolution that keeps the size, batch normalisation, ReLU."""
    return [
        nn.Conv2d(inputs, outputs, side, padding=side // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    ]


class DigitNet(nn.Module):
    """[N, 1, H, W] float32 to logits [N, 10]; about 97,000 weights.

    The first layer takes each image's own mean and contrast out, so faint ink reads as well as black;
    mean and maximum over all places make the answer depend little on where and how large the digit is.
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.InstanceNorm2d(1),
            *_block(1, 16, 5),
            nn.MaxPool2d(2),
            *_block(16, 32),
            *_block(32, 32),
            nn.MaxPool2d(2),
            *_block(32, 56),
            *_block(56, 56),
            nn.MaxPool2d(2),
            *_block(56, 72),
        )
        self.answer = nn.Linear(2 * 72, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        features = self.layers(image)
        mean = nn.functional.adaptive_avg_pool2d(features, 1)
        peak = nn.functional.adaptive_max_pool2d(features, 1)
        return self.answer(torch.cat([mean, peak], dim=1).flatten(1))
