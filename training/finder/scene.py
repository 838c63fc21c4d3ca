"""Scenes: several digits at known places, among clutter, on papers in bad light. Each is named by its seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from augment import LUMA, jpeg, pair, reducer, spoil, warp
from data import CLASSES
from finder.clutter import clutter_ink, paper_marks
from ink import InkBank, scan_ink
from strokes import stroke_ink

Rng = np.random.Generator
UNITS = 256
"""Sizes below are in shares of the scene's longer side, times this: pixels of the network's input."""
SMALLEST, LARGEST = 20, 150
"""Heights of a digit, apart from those that fill a scene alone."""
MOST_DIGITS = 40
FINE = 48
"""Pixels of height that a smaller digit is drawn at before it is reduced."""
VISIBLE = 45
"""Grey levels that ink is darker or lighter than nearly all of what lies under it; half of it for clutter."""


@dataclass(frozen=True)
class Scene:
    """A picture (mode L or RGB) and its digits.

    boxes: [N, 4] float x_min, y_min, x_max, y_max of the ink in pixels; labels: [N] int; from_scan: [N] bool,
    whether a digit comes from a scan or was drawn by code.
    """

    image: Image.Image
    boxes: np.ndarray
    labels: np.ndarray
    from_scan: np.ndarray


@dataclass(frozen=True)
class Slot:
    """Where something may lie: its middle, its height and greatest width. Pixels."""

    x: float
    y: float
    tall: float
    wide: float

    def overlaps(self, other: Slot) -> bool:
        return (
            abs(self.x - other.x) < (self.wide + other.wide) / 2
            and abs(self.y - other.y) < (self.tall + other.tall) / 2
        )


@dataclass(frozen=True)
class Stamp:
    """Ink ready to be put down: mask [H, W] 0..1, its upper left corner and the box of its ink in the scene."""

    mask: np.ndarray
    corner: tuple[int, int]
    box: np.ndarray


def compose(
    bank: InkBank, rng: Rng, *, scans: float = 0.6, sides: tuple[int, int] = (128, 320), colour: bool = False
) -> Scene:
    """A scene whose longer side is of `sides` pixels; `scans`: share of digits that come from scans of the bank."""
    size = _size(sides, rng)
    plain = rng.random() < 0.2
    canvas, pen = _paper(size, rng, colour, plain)
    slots = _slots(size, rng)
    tilt = rng.normal(0, 5)
    found = []
    for slot in slots:
        label, is_scan = int(rng.integers(CLASSES)), bool(rng.random() < scans)
        ink = _scan(bank, label, rng) if is_scan else stroke_ink(label, rng)
        stamp = _stamp(ink, slot, tilt, rng)
        if _put(canvas, stamp, pen, rng, VISIBLE):
            found.append((stamp.box, label, is_scan))
    for slot in _free_slots(size, slots, rng):
        _put(canvas, _stamp(clutter_ink(rng), slot, tilt, rng), pen, rng, VISIBLE / 2)
    image = _photograph(canvas, min((slot.tall for slot in slots), default=FINE), rng, plain)
    boxes, labels, from_scan = zip(*found, strict=True) if found else ((), (), ())
    return Scene(
        image,
        np.clip(np.array(boxes, float).reshape(-1, 4), 0, [*size, *size]),
        np.array(labels, np.int64),
        np.array(from_scan, bool),
    )


def _size(sides: tuple[int, int], rng: Rng) -> tuple[int, int]:
    """Width and height in pixels, 1:2 to 2:1."""
    longer = np.exp(rng.uniform(*np.log(sides)))
    shorter = longer * (1.0 if rng.random() < 0.3 else rng.uniform(0.5, 1))
    size = round(longer), round(shorter)
    return size if rng.random() < 0.6 else size[::-1]


def _paper(size: tuple[int, int], rng: Rng, colour: bool, plain: bool) -> tuple[np.ndarray, np.ndarray]:
    """The empty scene, levels [H, W, C], and the colour [C] of its pen."""
    dark, light = (np.zeros(3), np.full(3, 255.0)) if plain and rng.random() < 0.6 else pair(rng)
    paper, pen = (light, dark) if rng.random() < 0.6 else (dark, light)
    if not colour:
        paper, pen = (np.array([LUMA @ each]) for each in (paper, pen))
    canvas = np.empty((size[1], size[0], len(paper)), np.float32)
    canvas[:] = paper
    if not plain:
        _lay_cards(canvas, rng)
    marks = paper_marks(size, rng)
    if marks is not None:
        alpha = np.asarray(marks, np.float32)[..., None] / 255 * rng.uniform(0.1, 0.6)
        canvas += (pen - canvas).astype(np.float32) * alpha
    return canvas, pen


def _lay_cards(canvas: np.ndarray, rng: Rng) -> None:
    """A few rectangles that are a little darker or lighter than the paper."""
    h, w = canvas.shape[:2]
    for _ in range(max(0, int(rng.integers(-3, 6)))):
        left, right = np.sort(rng.uniform(-0.2, 1.2, 2)) * w
        top, bottom = np.sort(rng.uniform(-0.2, 1.2, 2)) * h
        canvas[max(0, int(top)) : max(0, int(bottom)), max(0, int(left)) : max(0, int(right))] += rng.normal(0, 35)
    np.clip(canvas, 0, 255, out=canvas)


def _slots(size: tuple[int, int], rng: Rng) -> list[Slot]:
    """Places for digits: one alone, in rows as numbers are written, or anywhere."""
    way = rng.random()
    if way < 0.1:
        tall = rng.uniform(0.3, 0.95) * size[1]
        return [_within(size, tall, min(tall * rng.uniform(0.5, 1.1), 0.95 * size[0]), rng)]
    return _rows(size, rng) if way < 0.5 else _anywhere(size, [], int(rng.integers(2, 45)), LARGEST, rng)


def _rows(size: tuple[int, int], rng: Rng) -> list[Slot]:
    unit = max(size) / UNITS
    tall = min(_log_uniform(SMALLEST, 90, rng) * unit, 0.8 * size[1])
    step, line_height = tall * rng.uniform(0.6, 1.1), tall * rng.uniform(1.15, 2.2)
    slots: list[Slot] = []
    y = rng.uniform(0.55, 1.0) * tall
    while y < size[1] - 0.55 * tall and len(slots) < MOST_DIGITS:
        x = rng.uniform(0.6, 3) * step
        while x < size[0] - 0.6 * step and len(slots) < MOST_DIGITS:
            high = tall * rng.uniform(0.85, 1.1)
            slots.append(Slot(x, y + rng.normal(0, 0.05) * tall, high, step * 0.98))
            x += step * (1 if rng.random() < 0.7 else rng.uniform(1.3, 3))
        y += line_height
    return slots


def _anywhere(size: tuple[int, int], taken: list[Slot], count: int, largest: float, rng: Rng) -> list[Slot]:
    """At most `count` slots that overlap neither each other nor those that are taken; the large ones first."""
    slots: list[Slot] = []
    for pixels in sorted((_log_uniform(SMALLEST, largest, rng) for _ in range(count)), reverse=True):
        tall = min(pixels * max(size) / UNITS, 0.8 * min(size))
        slot = _within(size, tall, tall * rng.uniform(0.5, 1.0), rng)
        if not any(slot.overlaps(other) for other in (*taken, *slots)):
            slots.append(slot)
    return slots


def _free_slots(size: tuple[int, int], taken: list[Slot], rng: Rng) -> list[Slot]:
    count = 0 if rng.random() < 0.25 else int(rng.integers(1, 14))
    return _anywhere(size, taken, count, LARGEST, rng)


def _within(size: tuple[int, int], tall: float, wide: float, rng: Rng) -> Slot:
    x, y = ((side - each) * rng.random() + each / 2 for side, each in zip(size, (wide, tall), strict=True))
    return Slot(x, y, tall, wide)


def _log_uniform(low: float, high: float, rng: Rng) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _scan(bank: InkBank, label: int, rng: Rng) -> Image.Image:
    return scan_ink(bank, int(rng.choice(np.flatnonzero(bank.scans.labels == label))), rng)


def _stamp(ink: Image.Image, slot: Slot, tilt: float, rng: Rng) -> Stamp:
    """Ink warped, slanted, turned (by less than 30 degrees) and reduced until it fits its slot."""
    ink = warp(ink, rng)
    angle = np.radians(np.clip(tilt + rng.normal(0, 6), -29, 29))
    shear = rng.uniform(-0.25, 0.25) if rng.random() < 0.6 else 0.0
    shape = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ [[1, shear], [0, 1]]
    wide, tall = _fitted(ink.width / ink.height * np.exp(rng.uniform(-0.25, 0.25)), shape, slot)
    reach = np.abs(shape) @ [wide, tall]
    zoom = max(1, int(np.ceil(FINE / tall)))
    source = ink.resize((max(2, round(wide * zoom)), max(2, round(tall * zoom))), Image.Resampling.BILINEAR)
    corner = int(np.floor(slot.x - reach[0] / 2)) - 1, int(np.floor(slot.y - reach[1] / 2)) - 1
    frame = int(np.ceil(reach[0])) + 3, int(np.ceil(reach[1])) + 3
    middle = (np.array([slot.x, slot.y]) - corner) * zoom
    back = np.linalg.inv(shape)
    shift = np.array(source.size) / 2 - back @ middle
    matrix = (back[0, 0], back[0, 1], shift[0], back[1, 0], back[1, 1], shift[1])
    fine = source.transform(
        (frame[0] * zoom, frame[1] * zoom), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR
    )
    box = np.array(_ink_box(fine)) / zoom + [*corner, *corner]
    mask = fine if zoom == 1 else fine.resize(frame, reducer(rng))
    return Stamp(np.asarray(mask, np.float32)[..., None] / 255, corner, box)


def _fitted(aspect: float, shape: np.ndarray, slot: Slot) -> tuple[float, float]:
    """Width and height before `shape` turns them. What is too wide is squeezed, to a third of its height at most."""
    lean, rise = abs(shape[0, 1]), abs(shape[1, 0])
    tall = slot.tall / (1 + rise * aspect)
    wide = min(tall * aspect, max(slot.wide - lean * tall, tall / 3))
    return wide, tall


def _ink_box(mask: Image.Image) -> tuple[int, int, int, int]:
    """Of what is more than a third as strong as the strongest."""
    least = mask.getextrema()[1] / 3
    return mask.point(lambda value: 255 if value > least else 0).getbbox() or (0, 0, *mask.size)


def _put(canvas: np.ndarray, stamp: Stamp, pen: np.ndarray, rng: Rng, visible: float) -> bool:
    """Puts ink down in the pen's colour, or another where that would hardly be seen; whether it could."""
    h, w = canvas.shape[:2]
    left, top = stamp.corner
    right, bottom = left + stamp.mask.shape[1], top + stamp.mask.shape[0]
    part = canvas[max(0, top) : bottom, max(0, left) : right]
    if part.size == 0:
        return False
    mask = stamp.mask[max(0, -top) : h - top, max(0, -left) : w - left]
    low, high = np.percentile(_grey(part), (5, 95))
    colour = _visible_colour(pen, low - visible, high + visible, rng)
    if colour is None:
        return False
    part += (colour - part).astype(np.float32) * (mask * rng.uniform(0.85, 1.0))
    return True


def _visible_colour(pen: np.ndarray, darker: float, lighter: float, rng: Rng) -> np.ndarray | None:
    """The pen's colour where its grey is below `darker` or above `lighter`, else another such, else none."""
    for _ in range(8):
        grey = _grey(pen)
        if grey <= darker or grey >= lighter:
            return pen
        pen = rng.uniform(0, 255, len(pen))
    ends = [end for end, fits in ((0.0, darker >= 0), (255.0, lighter <= 255)) if fits]
    return np.full(len(pen), ends[rng.integers(len(ends))]) if ends else None


def _grey(levels: np.ndarray) -> np.ndarray:
    """[..., C] to [...]."""
    return levels @ LUMA.astype(levels.dtype) if levels.shape[-1] == 3 else levels[..., 0]


def _photograph(canvas: np.ndarray, least: float, rng: Rng, plain: bool) -> Image.Image:
    """The scene as a camera gives it: bad light, noise, blur by the height of the smallest digit, JPEG."""
    levels = canvas if canvas.shape[2] == 3 else canvas[..., 0]
    if not plain:
        levels = spoil(levels, rng)
    image = Image.fromarray(np.clip(levels + 0.5, 0, 255).astype(np.uint8))
    if rng.random() < 0.3:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 1.0) * 0.035 * least))
    return jpeg(image, int(rng.integers(30, 96))) if rng.random() < (0.05 if plain else 0.4) else image
