"""What the network is told: where its boxes are wrong, and how sure it should have been."""

from __future__ import annotations

import torch
from torch import nn

BOX_WEIGHT = 2.0


def finder_loss(
    boxes: torch.Tensor,
    logits: torch.Tensor,
    rows: torch.Tensor,
    cells: torch.Tensor,
    labels: torch.Tensor,
    wanted: torch.Tensor,
) -> torch.Tensor:
    """Generalised IoU of the boxes and quality focal loss of the scores, for each cell that has to answer.

    boxes: [N, 4, A]; logits: [N, classes, A]; rows, cells, labels: [P]; wanted: [P, 4] centre and size.
    A score should be the overlap of its box with the digit's (Li et al., Generalized Focal Loss, 2020).
    """
    count = max(1, len(rows))
    found = boxes[rows, :, cells]
    iou, generalised = overlaps(found, wanted)
    quality = torch.zeros_like(logits)
    quality[rows, labels, cells] = iou.detach()
    surprise = (quality - logits.detach().sigmoid()).square()
    score_loss = nn.functional.binary_cross_entropy_with_logits(logits, quality, weight=surprise, reduction='sum')
    label_loss = nn.functional.cross_entropy(logits[rows, :, cells], labels, reduction='sum')
    return (score_loss + label_loss + BOX_WEIGHT * (1 - generalised).sum()) / count


def overlaps(one: torch.Tensor, other: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """IoU and generalised IoU (Rezatofighi et al., 2019) of boxes [P, 4] (centre and size), pair by pair."""
    (low, high), (other_low, other_high) = _corners(one), _corners(other)
    shared = (torch.minimum(high, other_high) - torch.maximum(low, other_low)).clamp(min=0).prod(dim=1)
    hull = (torch.maximum(high, other_high) - torch.minimum(low, other_low)).prod(dim=1)
    union = one[:, 2:].prod(dim=1) + other[:, 2:].prod(dim=1) - shared
    iou = shared / union
    return iou, iou - (hull - union) / hull


def _corners(boxes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2
