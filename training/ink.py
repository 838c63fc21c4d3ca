"""Ink from scans: each 8x8 scan becomes a sharp picture, as a blob, a contour or a pen stroke.

Ink is a PIL image of mode L, 255 where the pen was, 0 elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from data import Scans

SIDE = 64
"""Pixels of a scan's side once enlarged; a pixel of the scan with its border is SIDE / 10 of them."""
LEVELS = (0.45, 0.55)
"""Levels of ink at which a scan is thinned to its skeleton."""


@dataclass(frozen=True)
class InkBank:
    """Enlarged scans and how far each pixel lies from their skeletons.

    smooth: [N, SIDE, SIDE] float32 ink, -0.1..1.1; distance: [N, len(LEVELS), SIDE, SIDE] float32, pixels.
    """

    scans: Scans
    smooth: np.ndarray
    distance: np.ndarray


def build_bank(scans: Scans) -> InkBank:
    """Enlarges and thins every scan, once."""
    smooth = np.stack([enlarge(image) for image in scans.images])
    distance = np.stack([[_distance(plane > level) for level in LEVELS] for plane in smooth])
    return InkBank(scans, smooth, distance.astype(np.float32))


def enlarge(image: np.ndarray) -> np.ndarray:
    """[8, 8] ink to [SIDE, SIDE], bicubic, with a border of one scan pixel of paper."""
    bordered = Image.fromarray(np.pad(image, 1).astype(np.float32))
    return np.asarray(bordered.resize((SIDE, SIDE), Image.Resampling.BICUBIC))


def scan_ink(bank: InkBank, index: int, rng: np.random.Generator) -> Image.Image:
    """One scan's ink, drawn in a way that chance picks."""
    way = rng.random()
    if way < 0.2:
        return to_image(bank.smooth[index])
    if way < 0.3:
        return blocks(bank.scans.images[index])
    if way < 0.65:
        level, edge = rng.uniform(0.35, 0.58), rng.uniform(1.5, 8.0)
        return to_image((bank.smooth[index] - level) * edge + 0.5)
    width = rng.uniform(2.5, 10.0)
    return to_image(width / 2 - bank.distance[index, rng.integers(len(LEVELS))] + 0.5)


def blocks(image: np.ndarray) -> Image.Image:
    """[8, 8] ink enlarged eightfold without smoothing."""
    return to_image(np.kron(image, np.ones((8, 8), np.float32)))


def to_image(ink: np.ndarray) -> Image.Image:
    """[H, W] ink in 0..1, clipped, as mode L."""
    return Image.fromarray((np.clip(ink, 0, 1) * 255 + 0.5).astype(np.uint8))


def _distance(mask: np.ndarray) -> np.ndarray:
    """Pixels from each pixel to the skeleton of a [H, W] boolean mask."""
    skeleton = thin(mask)
    smoothed = ndimage.distance_transform_edt(~skeleton)
    return ndimage.gaussian_filter(smoothed, 1.0) - 0.6


def thin(mask: np.ndarray) -> np.ndarray:
    """Zhang and Suen's thinning: peels a [H, W] boolean mask down to lines one pixel wide."""
    image = np.pad(mask, 1).astype(np.uint8)
    changed = True
    while changed:
        changed = False
        for step in (0, 1):
            peel = _peel(image, step)
            changed |= bool(peel.any())
            image[1:-1, 1:-1][peel] = 0
    return image[1:-1, 1:-1].astype(bool)


def _peel(image: np.ndarray, step: int) -> np.ndarray:
    """Border pixels to remove in one half-step; image has a border of one pixel."""
    n, s = image[:-2, 1:-1], image[2:, 1:-1]
    w, e = image[1:-1, :-2], image[1:-1, 2:]
    ring = [n, image[:-2, 2:], e, image[2:, 2:], s, image[2:, :-2], w, image[:-2, :-2]]
    neighbours = sum(ring)
    turns = sum((a == 0) & (b == 1) for a, b in zip(ring, [*ring[1:], ring[0]], strict=True))
    corner = (n * e * s, e * s * w) if step == 0 else (n * e * w, n * s * w)
    inside = image[1:-1, 1:-1] == 1
    thick = (neighbours >= 2) & (neighbours <= 6)
    return inside & thick & (turns == 1) & (corner[0] == 0) & (corner[1] == 0)
