"""The running average of a network's weights, which reads better than the weights themselves."""

from __future__ import annotations

import torch
from torch import nn

DECAY = 0.998
"""Share of the averaged weights kept at each step."""


@torch.no_grad()
def blend(average: nn.Module, model: nn.Module, decay: float = DECAY) -> None:
    """Moves the average a little towards the model; counters are copied."""
    for kept, new in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
        if kept.is_floating_point():
            kept.lerp_(new, 1 - decay)
        else:
            kept.copy_(new)
