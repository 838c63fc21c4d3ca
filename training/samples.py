"""The training pictures: made once, kept as preprocessed pixels, each named by its seed."""

from __future__ import annotations

from functools import partial
from multiprocessing import get_context

import numpy as np
from PIL import Image

from augment import picture
from data import CLASSES
from evaluate import plain_image
from ink import InkBank, scan_ink
from preprocess import Preprocess
from strokes import stroke_ink

STREAM = 1
CHUNK = 2000
PLAIN, SCANS = 0.09, 0.55
"""Shares of samples: scans as they are; scans at all. The rest is drawn from skeletons."""


def make_picture(bank: InkBank, seed: int, index: int) -> tuple[Image.Image, int]:
    """Picture `index` and its label."""
    rng = np.random.default_rng([seed, STREAM, index])
    digit, way = int(rng.integers(CLASSES)), rng.random()
    if way >= SCANS:
        return picture(stroke_ink(digit, rng), rng), digit
    row = int(rng.choice(np.flatnonzero(bank.scans.labels == digit)))
    if way < PLAIN:
        image = plain_image(bank.scans.images[row], light_ink=rng.random() < 0.5, blocky=rng.random() < 0.5)
    else:
        image = picture(scan_ink(bank, row, rng), rng)
    return image, digit


def make_sample(bank: InkBank, preprocess: Preprocess, seed: int, index: int) -> tuple[np.ndarray, int]:
    """Sample `index`: pixels [H, W] uint8 and its label."""
    image, digit = make_picture(bank, seed, index)
    return preprocess.pixels(image), digit


def _chunk(bank: InkBank, preprocess: Preprocess, seed: int, indices: range) -> tuple[np.ndarray, np.ndarray]:
    pairs = [make_sample(bank, preprocess, seed, index) for index in indices]
    return np.stack([pixels for pixels, _ in pairs]), np.array([digit for _, digit in pairs])


def make_samples(
    bank: InkBank, preprocess: Preprocess, seed: int, count: int, workers: int
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels [count, H, W] uint8 and labels [count]; the same whatever the number of workers."""
    work = partial(_chunk, bank, preprocess, seed)
    chunks = [range(start, min(start + CHUNK, count)) for start in range(0, count, CHUNK)]
    if workers <= 1:
        parts = [work(chunk) for chunk in chunks]
    else:
        with get_context('fork').Pool(workers) as pool:
            parts = pool.map(work, chunks, chunksize=1)
    return np.concatenate([p for p, _ in parts]), np.concatenate([d for _, d in parts])
