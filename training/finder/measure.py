"""How well digits are found: mean average precision, and precision and recall by size at the manifest's threshold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from data import CLASSES
from finder.find import Finder, Found, overlap
from finder.scene import UNITS, Scene, compose
from ink import InkBank

SCENES = 200
"""Scenes of each set."""
HELD_OUT_STREAM, MIXED_STREAM, VALIDATION_STREAM = 12, 13, 14
"""Keep the seeds of evaluation apart from those of training."""
LARGEST_SIDE = 512
SMALLEST_SCORE = 0.01
"""Average precision looks at whatever scores more."""
IOU = 0.5
SIZES = (0, 16, 24, 40, 80, UNITS)
"""Limits of the sizes told apart: a box's longer side where the longer side of the picture is 256 pixels."""
RECALLS = np.linspace(0, 1, 101)
THRESHOLDS = np.round(np.arange(0.1, 0.8, 0.05), 2)


def scenes(bank: InkBank, seed: int, stream: int, scans: float, count: int) -> Iterator[Scene]:
    """Scenes of the bank's scans and, where `scans` is below 1, of drawn digits; up to LARGEST_SIDE pixels."""
    for index in range(count):
        rng = np.random.default_rng([seed, stream, index])
        yield compose(bank, rng, scans=scans, sides=(128, LARGEST_SIDE), colour=rng.random() < 0.5)


def matches(scene: Scene, found: Found, *, by_label: bool = True) -> np.ndarray:
    """For each found box, best first, the row of the digit it shows, -1 for none; each digit is shown once.

    As COCO does it: the digit that overlaps most, by at least IOU, among those of the same label not shown yet.
    """
    shares = overlap(found.boxes, scene.boxes)
    if by_label:
        shares = np.where(found.labels[:, None] == scene.labels[None], shares, 0)
    shown = np.full(len(found.boxes), -1)
    for row, share in enumerate(shares):
        best = int(share.argmax()) if len(share) else -1
        if best >= 0 and share[best] >= IOU:
            shown[row] = best
            shares[:, best] = 0
    return shown


def average_precision(scores: np.ndarray, right: np.ndarray, total: int) -> float:
    """Area under precision over recall, at 101 recalls, as COCO has it.

    scores, right: [N], of every found box of a class; total: digits of that class.
    """
    right = right[np.argsort(-scores, kind='stable')]
    hits = np.cumsum(right)
    precision = hits / np.arange(1, len(hits) + 1)
    best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(hits / max(1, total), RECALLS, side='left')
    return float(np.append(best_from_here, 0.0)[at].mean())


def pick_threshold(pairs: Sequence[tuple[Scene, Found]]) -> float:
    """The threshold with the best balance (F1) of precision and recall."""
    scored = []
    for threshold in THRESHOLDS:
        found = right = total = 0
        for scene, each in pairs:
            sure = each.above(threshold)
            found += len(sure.scores)
            right += int((matches(scene, sure) >= 0).sum())
            total += len(scene.labels)
        scored.append(2 * right / max(1, found + total))
    return float(THRESHOLDS[int(np.argmax(scored))])


def measure(finder: Finder, pairs: Sequence[tuple[Scene, Found]]) -> dict[str, Any]:
    """The manifest's figures. pairs: scenes and what was found in them from SMALLEST_SCORE on."""
    by_class = _precisions(pairs)
    sure = [(scene, found.above(finder.threshold)) for scene, found in pairs]
    return {
        'scenes': len(pairs),
        'digits': sum(len(scene.labels) for scene, _ in pairs),
        'map_50': round(float(np.mean(by_class)), 6),
        'ap_50_by_label': [round(value, 6) for value in by_class],
        'threshold': finder.threshold,
        'by_size': [
            {'from_pixels': low, 'below_pixels': high, **_at_size(sure, low, high)}
            for low, high in ((0, UNITS + 1), *zip(SIZES, (*SIZES[1:-1], UNITS + 1), strict=False))
            if low < UNITS
        ],
    }


def _precisions(pairs: Sequence[tuple[Scene, Found]]) -> list[float]:
    """Average precision of each label."""
    labels = np.concatenate([found.labels for _, found in pairs])
    scores = np.concatenate([found.scores for _, found in pairs])
    right = np.concatenate([matches(scene, found) >= 0 for scene, found in pairs])
    totals = np.bincount(np.concatenate([scene.labels for scene, _ in pairs]), minlength=CLASSES)
    return [
        average_precision(scores[labels == label], right[labels == label], int(totals[label]))
        for label in range(CLASSES)
    ]


def _at_size(pairs: Sequence[tuple[Scene, Found]], low: float, high: float) -> dict[str, float | int]:
    """Precision of the boxes of a size; recall of its digits, and their share found whatever they were read as."""
    digits = placed = recalled = boxes = right = 0
    for scene, found in pairs:
        is_digit, is_box = (_of_size(each, scene, low, high) for each in (scene.boxes, found.boxes))
        shown, anyhow = matches(scene, found), matches(scene, found, by_label=False)
        digits += int(is_digit.sum())
        recalled += int(is_digit[shown[shown >= 0]].sum())
        placed += int(is_digit[anyhow[anyhow >= 0]].sum())
        boxes += int(is_box.sum())
        right += int((shown[is_box] >= 0).sum())
    return {
        'digits': digits,
        'precision': round(right / max(1, boxes), 4),
        'recall': round(recalled / max(1, digits), 4),
        'located': round(placed / max(1, digits), 4),
    }


def _of_size(boxes: np.ndarray, scene: Scene, low: float, high: float) -> np.ndarray:
    longer = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0) * UNITS / max(scene.image.size)
    return (longer >= low) & (longer < high)
