"""Reads images with the exported model and counts how often it is right. Needs ONNX Runtime, not PyTorch."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from augment import picture
from data import CLASSES, Scans
from ink import InkBank, blocks, enlarge, scan_ink, to_image
from preprocess import Preprocess
from session import open_session

BATCH = 256
LARGEST = 512
"""Pixels of the longest side of an augmented held-out image."""
REPEATS = 5
"""Augmented pictures made of each held-out scan."""
AUGMENTED_STREAM = 2
"""Keeps the seeds of evaluation apart from those of training."""


class Reader:
    """The exported model behind its preprocessing."""

    def __init__(self, model: Path, preprocess: Preprocess) -> None:
        self.session = open_session(model)
        self.preprocess = preprocess

    def logits(self, tensors: np.ndarray) -> np.ndarray:
        """[N, 1, H, W] float32 to [N, 10]."""
        parts = [tensors[i : i + BATCH] for i in range(0, len(tensors), BATCH)]
        return np.concatenate([self.session.run(['logits'], {'image': part})[0] for part in parts])

    def scores(self, images: Iterable[Image.Image]) -> np.ndarray:
        """Probabilities [N, 10] of images."""
        return softmax(self.logits(np.concatenate([self.preprocess.tensor(image) for image in images])))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Over the last axis."""
    grown = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return grown / grown.sum(axis=-1, keepdims=True)


def plain_image(scan: np.ndarray, *, light_ink: bool, blocky: bool) -> Image.Image:
    """An [8, 8] scan as an ordinary picture: black and white, enlarged eightfold, no other change."""
    ink = blocks(scan) if blocky else to_image(enlarge(scan))
    return ink if light_ink else ink.point(lambda value: 255 - value)


def plain_sets(scans: Scans) -> dict[str, list[Image.Image]]:
    """The scans in each plain rendering, by name."""
    return {
        f'{"nearest" if blocky else "bicubic"}_{"light_on_dark" if light else "dark_on_light"}': [
            plain_image(scan, light_ink=light, blocky=blocky) for scan in scans.images
        ]
        for blocky in (False, True)
        for light in (False, True)
    }


def augmented_set(bank: InkBank, seed: int, repeats: int = REPEATS) -> tuple[list[Image.Image], np.ndarray]:
    """Full-strength pictures of every scan, `repeats` of each, and their labels [N * repeats]."""
    images = []
    for repeat in range(repeats):
        for index in range(len(bank.scans)):
            rng = np.random.default_rng([seed, AUGMENTED_STREAM, repeat, index])
            images.append(picture(scan_ink(bank, index, rng), rng, LARGEST))
    return images, np.tile(bank.scans.labels, repeats)


def accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    """Share of rows whose best score is the label's."""
    return float((scores.argmax(axis=1) == labels).mean())


def confusion(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """[10, 10] counts: row the true digit, column the one read."""
    matrix = np.zeros((CLASSES, CLASSES), np.int64)
    np.add.at(matrix, (labels, scores.argmax(axis=1)), 1)
    return matrix


def format_confusion(matrix: np.ndarray) -> str:
    """The matrix as text."""
    head = 'true\\read ' + ' '.join(f'{digit:4d}' for digit in range(CLASSES))
    rows = [f'{digit:9d} ' + ' '.join(f'{n:4d}' for n in row) for digit, row in enumerate(matrix)]
    return '\n'.join([head, *rows])
