"""Training scenes: composed once, kept as preprocessed pixels and boxes; moved a little each time they are shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

import numpy as np

from finder.network import SIZES, STRIDES
from finder.scene import compose
from ink import InkBank
from preprocess import Preprocess

STREAM = 11
CHUNK = 50
REACH = 1.5
"""Cells of a side from a digit's middle within which a cell has to find it."""
MOST_SHIFT = 12
"""Pixels that a scene is moved by, at most, in each direction."""


@dataclass(frozen=True)
class Sample:
    """A scene in its tensor: pixels [H, W] uint8, boxes [N, 4] corners in pixels of the tensor, labels [N]."""

    pixels: np.ndarray
    boxes: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Batch:
    """Scenes and what has to be found in them.

    pixels: [N, H, W] uint8. One entry for each cell that has to answer: rows [P], cells [P], labels [P] int64;
    boxes [P, 4] float32, centre x, y, width, height in pixels of the tensor.
    """

    pixels: np.ndarray
    rows: np.ndarray
    cells: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray


def make_sample(bank: InkBank, preprocess: Preprocess, seed: int, index: int) -> Sample:
    """Sample `index`."""
    scene = compose(bank, np.random.default_rng([seed, STREAM, index]))
    size = scene.image.size
    boxes = preprocess.placement(size).to_tensor(scene.boxes, size)
    return Sample(preprocess.pixels(scene.image), boxes, scene.labels)


def make_samples(bank: InkBank, preprocess: Preprocess, seed: int, count: int, workers: int) -> list[Sample]:
    """The same whatever the number of workers."""
    work = partial(make_sample, bank, preprocess, seed)
    if workers <= 1:
        return [work(index) for index in range(count)]
    with get_context('fork').Pool(workers) as pool:
        return pool.map(work, range(count), chunksize=CHUNK)


def batches(
    samples: Sequence[Sample], size: int, epochs: int, rng: np.random.Generator, share: slice = slice(None)
) -> Iterator[Batch]:
    """Each sample `epochs` times, in another order and another place each time; left over ones are left out.

    share: which samples of each batch to take, for one of several processes.
    """
    for _ in range(epochs):
        order = rng.permutation(len(samples))
        for first in range(0, len(order) - size + 1, size):
            shifts = rng.integers(-MOST_SHIFT, MOST_SHIFT + 1, (size, 2))
            rows = order[first : first + size]
            moved = [shifted(samples[row], *shift) for row, shift in zip(rows[share], shifts[share], strict=True)]
            yield _batch(moved)


def shifted(sample: Sample, x: int, y: int) -> Sample:
    """The sample moved by pixels; what leaves the frame comes in again opposite. As it is, if a digit were cut."""
    moved = sample.boxes + np.array([x, y, x, y])
    inside = ((moved >= 0) & (moved <= len(sample.pixels))).all(axis=1)
    if not inside.all():
        return sample
    return Sample(np.roll(sample.pixels, (y, x), (0, 1)), moved, sample.labels)


def _batch(samples: Sequence[Sample]) -> Batch:
    parts = [targets(sample) for sample in samples]
    return Batch(
        np.stack([sample.pixels for sample in samples]),
        np.repeat(np.arange(len(samples)), [len(cells) for cells, _, _ in parts]),
        *(np.concatenate(each) for each in zip(*parts, strict=True)),
    )


def targets(sample: Sample) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cells [P], labels [P] and boxes [P, 4] (centre and size): the cells around each digit's middle, on its levels.

    A cell that lies around two middles belongs to the nearer one.
    """
    corners = sample.boxes
    centres, sizes = (corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]
    longer = sizes.max(axis=1, initial=0)
    nearest: dict[int, tuple[float, int]] = {}
    for level, (low, high) in enumerate(SIZES):
        for digit in np.flatnonzero((longer >= low) & (longer < high)).tolist():
            for cell, distance in _around(tuple(centres[digit]), level, len(sample.pixels)):
                if distance < nearest.get(cell, (np.inf, 0))[0]:
                    nearest[cell] = distance, digit
    digits = np.array([digit for _, digit in nearest.values()], np.int64)
    boxes = np.concatenate([centres, sizes], axis=1).astype(np.float32)
    return np.array([*nearest], np.int64), sample.labels[digits], boxes[digits]


def _around(centre: tuple[float, float], level: int, side: int) -> Iterator[tuple[int, float]]:
    """Cells of a level whose middle lies within REACH of a point, and how far off, squared, in cells."""
    first = sum((side // stride) ** 2 for stride in STRIDES[:level])
    count = side // STRIDES[level]
    x, y = (at / STRIDES[level] - 0.5 for at in centre)
    for row in _near(y, count):
        for column in _near(x, count):
            yield first + row * count + column, (row - y) ** 2 + (column - x) ** 2


def _near(at: float, count: int) -> range:
    return range(max(0, int(np.ceil(at - REACH))), min(count - 1, int(at + REACH)) + 1)
