"""What lies among digits and is none: letters, signs, scribbles, blots; lines, frames and cards on the paper."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from strokes import Stroke, curve, line, pen_ink, ring

Rng = np.random.Generator
SIDE = 112

SIGNS: tuple[list[Stroke], ...] = (
    [line((0, 1), (0.5, 0), (1, 1)), line((0.2, 0.62), (0.8, 0.62))],  # A
    [line((0.9, 0), (0.1, 0), (0.1, 1), (0.9, 1)), line((0.1, 0.5), (0.7, 0.5))],  # E
    [line((0.9, 0), (0.1, 0), (0.1, 1)), line((0.1, 0.5), (0.7, 0.5))],  # F
    [line((0.1, 0), (0.1, 1)), line((0.9, 0), (0.9, 1)), line((0.1, 0.5), (0.9, 0.5))],  # H
    [line((0.1, 0), (0.1, 1)), line((0.9, 0), (0.1, 0.55), (0.9, 1))],  # K
    [line((0, 1), (0.1, 0), (0.5, 0.6), (0.9, 0), (1, 1))],  # M
    [line((0.1, 1), (0.1, 0), (0.9, 1), (0.9, 0))],  # N
    [line((0.1, 1), (0.1, 0)), curve((0.1, 0), (0.8, 0.05), (0.8, 0.45), (0.1, 0.5)), line((0.4, 0.5), (0.9, 1))],  # R
    [line((0.0, 0), (1, 0)), line((0.5, 0), (0.5, 1))],  # T
    [line((0.05, 0), (0.5, 1), (0.95, 0))],  # V
    [line((0, 0), (0.25, 1), (0.5, 0.4), (0.75, 1), (1, 0))],  # W
    [line((0.1, 0), (0.9, 1)), line((0.9, 0), (0.1, 1))],  # X
    [curve((0.9, 0.45), (0.5, 0.3), (0.15, 0.6), (0.5, 1), (0.85, 0.7)), line((0.88, 0.35), (0.9, 1))],  # a
    [curve((0.1, 1), (0.12, 0.4), (0.5, 0.3), (0.8, 0.5), (0.85, 1)), line((0.1, 0.35), (0.1, 1))],  # n
    [
        curve((0.1, 1), (0.1, 0.5), (0.3, 0.4), (0.5, 0.6), (0.5, 1)),
        curve((0.5, 0.6), (0.75, 0.4), (0.9, 0.6), (0.9, 1)),
    ],  # m
    [line((0.5, 0.1), (0.5, 0.9)), line((0.1, 0.5), (0.9, 0.5))],  # plus
    [line((0.1, 0.5), (0.9, 0.5))],  # minus
    [line((0.1, 0.35), (0.9, 0.35)), line((0.1, 0.65), (0.9, 0.65))],  # equals
    [line((0.0, 0.6), (0.35, 1), (1, 0))],  # tick
    [line((0, 0.5), (1, 0.5)), line((0.65, 0.2), (1, 0.5), (0.65, 0.8))],  # arrow
    [line((0.3, 0), (0.2, 1)), line((0.8, 0), (0.7, 1)), line((0, 0.33), (1, 0.33)), line((0, 0.67), (1, 0.67))],
    [line((0.5, 0), (1, 0.9), (0, 0.9), (0.5, 0))],  # triangle
    [line((0.5, 0), (0.7, 1), (0, 0.4), (1, 0.4), (0.3, 1), (0.5, 0))],  # star
    [line((0.1, 0.8), (0.3, 0.2), (0.45, 0.8), (0.6, 0.2), (0.75, 0.8), (0.9, 0.2))],  # zigzag
    [ring(0.3, 0.5, 0.12, 0.12), ring(0.7, 0.5, 0.12, 0.12), ring(0.5, 0.5, 0.5, 0.5)],  # face
)  # fmt: skip
"""Skeletons that no digit has; Z, S, O, I, B and their like are left out, as people would argue about them."""


def clutter_ink(rng: Rng) -> Image.Image:
    """Something that is no digit, 255 where it is; mode L."""
    way = rng.random()
    if way < 0.65:
        return pen_ink([stroke + rng.normal(0, 0.02, 2) for stroke in SIGNS[rng.integers(len(SIGNS))]], rng)
    return (_scribble, _blot, _hatching, _text)[rng.integers(4)](rng)


def _scribble(rng: Rng) -> Image.Image:
    return pen_ink([curve(*rng.uniform(0, 1, (int(rng.integers(9, 16)), 2)))], rng)


def _blot(rng: Rng) -> Image.Image:
    """A filled shape with many corners, soft or sharp."""
    image = Image.new('L', (SIDE, SIDE))
    angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 9))))
    reach = rng.uniform(0.15, 0.5, len(angles)) * SIDE
    corners = SIDE / 2 + np.stack([np.cos(angles), np.sin(angles)], axis=1) * reach[:, None]
    ImageDraw.Draw(image).polygon([tuple(corner) for corner in corners], fill=255)
    return image.filter(ImageFilter.GaussianBlur(rng.uniform(0, 5)))


def _hatching(rng: Rng) -> Image.Image:
    at = np.linspace(0, 1, int(rng.integers(3, 8)))
    slant = rng.uniform(-0.5, 0.5)
    return pen_ink([line((x, 0), (x + slant, 1)) for x in at], rng)


def _text(rng: Rng) -> Image.Image:
    """A line of writing too small to be read."""
    points = np.stack([np.linspace(-0.5, 1.5, 40), 0.5 + rng.normal(0, 0.08, 40)], axis=1)
    return pen_ink([curve(*points)], rng)


def paper_marks(size: tuple[int, int], rng: Rng) -> Image.Image | None:
    """Ruled lines, squares or a frame over a whole picture of `size`, or a few long lines; mode L."""
    kinds: tuple[Callable[[ImageDraw.ImageDraw, tuple[int, int], Rng], None], ...] = (_ruled, _squared, _frame, _long)
    way = int(rng.integers(12))
    if way >= len(kinds):
        return None
    image = Image.new('L', size)
    kinds[way](ImageDraw.Draw(image), size, rng)
    return image


def _ruled(draw: ImageDraw.ImageDraw, size: tuple[int, int], rng: Rng) -> None:
    step, tilt = rng.uniform(0.06, 0.2) * max(size), rng.normal(0, 0.01) * size[0]
    for y in np.arange(rng.uniform(0, step), size[1], step):
        draw.line([(0, y), (size[0], y + tilt)], fill=255, width=_width(size, rng, 0.004))


def _squared(draw: ImageDraw.ImageDraw, size: tuple[int, int], rng: Rng) -> None:
    step = rng.uniform(0.04, 0.25) * max(size)
    width = _width(size, rng, 0.004)
    for y in np.arange(rng.uniform(0, step), size[1], step):
        draw.line([(0, y), (size[0], y)], fill=255, width=width)
    for x in np.arange(rng.uniform(0, step), size[0], step):
        draw.line([(x, 0), (x, size[1])], fill=255, width=width)


def _frame(draw: ImageDraw.ImageDraw, size: tuple[int, int], rng: Rng) -> None:
    inset = rng.uniform(0.01, 0.12) * min(size)
    draw.rectangle((inset, inset, size[0] - inset, size[1] - inset), outline=255, width=_width(size, rng, 0.015))


def _long(draw: ImageDraw.ImageDraw, size: tuple[int, int], rng: Rng) -> None:
    """Lines from edge to edge."""
    for _ in range(int(rng.integers(1, 5))):
        start, end = rng.uniform(0, 1, 2)
        ends = [(0, start * size[1]), (size[0], end * size[1])]
        if rng.random() < 0.5:
            ends = [(start * size[0], 0), (end * size[0], size[1])]
        draw.line(ends, fill=255, width=_width(size, rng, 0.02))


def _width(size: tuple[int, int], rng: Rng, most: float) -> int:
    """Pixels, up to a share of the longer side."""
    return max(1, round(rng.uniform(0, most) * max(size)))
