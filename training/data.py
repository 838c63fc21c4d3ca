"""The real data: scikit-learn's 1,797 handwritten digits, split once and for all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

CLASSES = 10
HELD_OUT = 360
"""Scans that training never sees: one in five."""
SPLIT = 7
"""The seed that has chosen them: the same ones for every model, whatever the seed of its training."""


@dataclass(frozen=True)
class Scans:
    """Scans of one split.

    images: [N, 8, 8] float32, ink from 0 (paper) to 1; labels: [N] int64;
    indices: [N] int64, rows of the data set.
    """

    images: np.ndarray
    labels: np.ndarray
    indices: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


def load_split() -> tuple[Scans, Scans]:
    """Returns (training, held out): disjoint, together all scans, with the same share of each class."""
    digits = load_digits()
    images = (digits.images / 16.0).astype(np.float32)
    labels = digits.target.astype(np.int64)
    rows = np.arange(len(labels))
    training, held_out = train_test_split(rows, test_size=HELD_OUT, stratify=labels, random_state=SPLIT)
    return _take(images, labels, np.sort(training)), _take(images, labels, np.sort(held_out))


def _take(images: np.ndarray, labels: np.ndarray, rows: np.ndarray) -> Scans:
    return Scans(images[rows], labels[rows], rows)
