"""Ink from nothing: skeletons of the ten digits as people write and print them, jittered and drawn.

They teach the forms that 8x8 scans cannot show (thin pens, closed and open 4, 7 with a bar, 1 with a foot).
Coordinates are shares of the digit's box: x to the right, y down. They are training material only.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

SIDE = 112
"""Pixels of the square that a digit is drawn in."""
MARGIN = 0.12

Stroke = np.ndarray
"""[N, 2] points (x, y), joined by straight lines."""


def line(*points: tuple[float, float]) -> Stroke:
    """Straight lines through the points."""
    return np.array(points, dtype=float)


def curve(*points: tuple[float, float], closed: bool = False) -> Stroke:
    """A smooth curve through the points (Catmull-Rom, 8 steps a segment)."""
    p = np.array(points, dtype=float)
    ends = (p[-1:], p[:2]) if closed else (2 * p[:1] - p[1:2], 2 * p[-1:] - p[-2:-1])
    p = np.concatenate([ends[0], p, ends[1]])
    t = np.linspace(0, 1, 8, endpoint=False)[:, None]
    parts = []
    for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False):
        cubic = -a + 3 * b - 3 * c + d
        parts.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + cubic * t**3))
    return np.concatenate([*parts, p[-2:-1]])


def ring(x: float, y: float, rx: float, ry: float, power: float = 2.0, gap: float = 0.0) -> Stroke:
    """A superellipse around (x, y); power 2 is an ellipse, more is squarer; gap: radians left open at the top."""
    a = np.linspace(gap / 2, 2 * np.pi - gap / 2, 33) - np.pi / 2
    c, s = np.cos(a), np.sin(a)
    shape = 2 / power
    return np.stack([x + rx * np.sign(c) * np.abs(c) ** shape, y + ry * np.sign(s) * np.abs(s) ** shape], axis=1)


def _zero(r: np.random.Generator) -> list[Stroke]:
    gap = r.uniform(-0.5, 0.5)
    strokes = [ring(0.5, 0.5, r.uniform(0.22, 0.42), 0.5, r.uniform(1.8, 3.2), gap)]
    mark = r.random()
    if mark < 0.06:
        strokes.append(line((0.38, 0.68), (0.62, 0.32)))
    elif mark < 0.10:
        strokes.append(line((0.5, 0.45), (0.5, 0.55)))
    return strokes


def _one(r: np.random.Generator) -> list[Stroke]:
    kind, x = r.random(), r.uniform(0.45, 0.6)
    lean = r.uniform(-0.06, 0.12)
    stem = line((x + lean, 0), (x, 1))
    if kind < 0.3:
        return [stem]
    reach, drop = r.uniform(0.12, 0.4), r.uniform(0.08, 0.36)
    flag = line((x + lean - reach, drop), (x + lean, 0), (x, 1))
    if kind < 0.4:
        bend = (x + lean - reach * 0.4, drop * 0.8)
        flag = np.concatenate([curve((x + lean - reach, drop), bend, (x + lean, 0)), stem])
    if kind < 0.65:
        return [flag]
    half = r.uniform(0.15, 0.35)
    foot = line((x - half, 1), (x + half, 1))
    return [stem if kind > 0.95 else flag, foot]


def _two(r: np.random.Generator) -> list[Stroke]:
    kind = r.random()
    top = [(0.14, r.uniform(0.15, 0.3)), (0.28, 0.05), (0.52, 0), (0.78, 0.09), (0.84, 0.28)]
    if kind < 0.25:
        loop = r.uniform(0.1, 0.2)
        tail = [(0.62, 0.62), (0.3, 0.97), (0.14, 0.97 - loop / 2), (0.24, 1 - loop), (0.55, 0.96), (0.9, 0.98)]
        return [curve(*top, *tail)]
    if kind < 0.5:
        return [np.concatenate([curve(*top, (0.62, 0.56), (0.12, 1)), line((0.12, 1), (0.88, r.uniform(0.9, 1.03)))])]
    if kind < 0.62:
        return [line((0.12, 0), (0.84, 0), (0.84, 0.48), (0.14, 0.52), (0.14, 1), (0.86, 1))]
    flat = curve(*top, (0.74, 0.5), (0.42, 0.75), (0.14, 0.98))
    return [np.concatenate([flat, line((0.14, 1), (0.88, 1))])]


def _three(r: np.random.Generator) -> list[Stroke]:
    kind, waist = r.random(), (r.uniform(0.3, 0.55), r.uniform(0.42, 0.52))
    low = curve(
        waist, (0.72, 0.53), (0.86, 0.73), (0.72, 0.94), (0.46, 1), (r.uniform(0.1, 0.18), r.uniform(0.72, 0.95))
    )
    if kind < 0.22:
        return [np.concatenate([line((0.16, 0), (0.82, 0), waist), low])]
    start = (0.14, r.uniform(0.06, 0.2))
    high = curve(start, (0.44, 0), (0.74, 0.08), (0.8, 0.24), (0.7, 0.4), waist)
    if kind < 0.3:
        return [line((0.14, 0), (0.84, 0), (0.84, 1), (0.14, 1)), line((0.3, 0.5), (0.84, 0.5))]
    return [np.concatenate([high, low])]


def _four(r: np.random.Generator) -> list[Stroke]:
    kind, bar = r.random(), r.uniform(0.52, 0.76)
    over = r.uniform(0.82, 1.0)
    stem = r.uniform(0.6, 0.74)
    if kind < 0.45:
        apex = (stem + r.uniform(-0.08, 0.02), 0)
        foot = [line((stem - 0.16, 1), (stem + 0.16, 1))] if r.random() < 0.25 else []
        return [line((over, bar), (0.08, bar), apex, (stem, 1)), *foot]
    if kind < 0.6:
        return [line((0.45, 0), (0.08, bar), (over, bar)), line((stem, r.uniform(0.25, 0.5)), (stem - 0.04, 1))]
    left = r.uniform(0.12, 0.3)
    high = r.uniform(0.0, 0.3)
    hook = line((left, 0), (left - 0.06, bar), (over, bar))
    if kind < 0.75:
        hook = curve((left, 0), (left - 0.04, bar * 0.7), (left + 0.12, bar), (over, bar * 0.95))
    return [hook, line((stem + r.uniform(-0.02, 0.08), high), (stem, 1))]


def _five(r: np.random.Generator) -> list[Stroke]:
    kind, shoulder = r.random(), r.uniform(0.36, 0.48)
    left = r.uniform(0.16, 0.26)
    start = (left, shoulder)
    belly = curve(
        start,
        (0.5, shoulder - 0.04),
        (0.8, 0.55),
        (0.84, 0.74),
        (0.7, 0.95),
        (0.42, 1),
        (r.uniform(0.06, 0.18), r.uniform(0.72, 0.95)),
    )
    if kind < 0.2:
        return [
            curve(
                (0.82, 0.03),
                (0.4, 0.02),
                (0.24, 0.2),
                (0.3, 0.42),
                (0.66, 0.5),
                (0.82, 0.74),
                (0.6, 0.98),
                (0.14, 0.94),
            )
        ]
    if kind < 0.3:
        return [line((0.84, 0), (0.16, 0), (0.16, 0.5), (0.84, 0.5), (0.84, 1), (0.14, 1))]
    if kind < 0.6:
        top = r.uniform(0.0, 0.1)
        return [
            np.concatenate([line((left + 0.02, top), start), belly]),
            line((left, top), (0.86, r.uniform(-0.04, 0.06))),
        ]
    return [np.concatenate([line((0.8, 0), (left + 0.05, 0), start), belly])]


def _six(r: np.random.Generator) -> list[Stroke]:
    kind, loop = r.random(), r.uniform(0.34, 0.56)
    bowl = [
        (0.5, 1),
        (0.78, 0.9),
        (0.84, (1 + loop) / 2),
        (0.74, loop + 0.05),
        (0.5, loop),
        (0.25, loop + 0.14),
        (0.17, 0.7),
    ]
    if kind < 0.35:
        return [curve((0.66, 0), (0.4, 0.16), (0.2, 0.45), (0.16, 0.72), (0.26, 0.92), *bowl)]
    if kind < 0.6:
        return [
            curve((0.8, r.uniform(0.08, 0.26)), (0.56, 0), (0.3, 0.12), (0.17, 0.42), (0.16, 0.72), (0.26, 0.92), *bowl)
        ]
    if kind < 0.75:
        return [line((0.6, 0), (0.2, 0.62)), ring(0.5, 0.72, 0.34, 0.28)]
    if kind < 0.82:
        return [line((0.84, 0), (0.16, 0), (0.16, 1), (0.84, 1), (0.84, 0.5), (0.16, 0.5))]
    return [
        curve(
            (0.35, 0),
            (0.22, 0.3),
            (0.16, 0.7),
            (0.3, 0.95),
            (0.55, 1),
            (0.78, 0.85),
            (0.7, 0.64),
            (0.45, 0.62),
            (0.2, 0.8),
        )
    ]


def _seven(r: np.random.Generator) -> list[Stroke]:
    kind, foot = r.random(), r.uniform(0.25, 0.6)
    dip, right = r.uniform(-0.04, 0.1), r.uniform(0.8, 0.92)
    strokes = [line((0.1, dip), (right, 0), (foot, 1))]
    if kind > 0.55:
        strokes = [np.concatenate([line((0.1, dip), (right, 0)), curve((right, 0), (foot + 0.12, 0.45), (foot, 1))])]
    if r.random() < 0.38:
        y, half, tilt = r.uniform(0.4, 0.58), r.uniform(0.14, 0.26), r.uniform(-0.05, 0.03)
        x = right + (foot - right) * y
        strokes.append(line((x - half, y), (x + half, y + tilt)))
    if r.random() < 0.18:
        strokes.append(line((0.1, dip), (0.1, dip + r.uniform(0.08, 0.2))))
    return strokes


def _eight(r: np.random.Generator) -> list[Stroke]:
    kind, waist = r.random(), r.uniform(0.42, 0.52)
    if kind < 0.45:
        small = r.uniform(0.24, 0.34)
        return [
            ring(0.5, waist / 2, small, waist / 2),
            ring(0.5, (1 + waist) / 2, r.uniform(small, 0.4), (1 - waist) / 2),
        ]
    if kind < 0.52:
        return [line((0.16, 0), (0.84, 0), (0.84, 1), (0.16, 1), (0.16, 0)), line((0.16, 0.5), (0.84, 0.5))]
    w = waist
    if kind < 0.75:
        start, end = (0.78, r.uniform(0.06, 0.16)), (0.72, r.uniform(0.0, 0.14))
        return [
            curve(
                start,
                (0.5, 0),
                (0.22, 0.2),
                (0.46, w - 0.02),
                (0.8, 0.72),
                (0.52, 1),
                (0.18, 0.78),
                (0.5, w + 0.02),
                end,
            )
        ]
    return [
        curve(
            (0.5, w), (0.2, w / 2), (0.5, 0), (0.8, w / 2), (0.5, w), (0.16, 0.75), (0.5, 1), (0.84, 0.75), closed=True
        )
    ]


def _nine(r: np.random.Generator) -> list[Stroke]:
    kind, loop = r.random(), r.uniform(0.46, 0.66)
    right = 0.82
    bowl = ring(0.48, loop / 2, 0.33, loop / 2)
    if kind < 0.3:
        return [bowl, line((right, r.uniform(0, 0.3)), (r.uniform(0.6, 0.84), 1))]
    if kind < 0.5:
        return [bowl, curve((right, loop / 2), (0.8, 0.6), (0.65, 0.9), (r.uniform(0.3, 0.5), 1))]
    if kind < 0.75:
        low = (0.16, r.uniform(0.74, 0.96))
        return [bowl, curve((right, loop / 2), (0.82, 0.7), (0.66, 0.95), (0.4, 1), low)]
    if kind < 0.82:
        return [line((0.16, 1), (0.84, 1), (0.84, 0), (0.16, 0), (0.16, 0.5), (0.84, 0.5))]
    return [curve((0.78, 0.14), (0.5, 0), (0.18, 0.2), (0.3, 0.48), (0.62, 0.44), (0.8, 0.12), (0.78, 0.5), (0.7, 1))]


DIGITS: tuple[Callable[[np.random.Generator], list[Stroke]], ...] = (
    _zero, _one, _two, _three, _four, _five, _six, _seven, _eight, _nine,
)  # fmt: skip


def stroke_ink(digit: int, rng: np.random.Generator) -> Image.Image:
    """A digit drawn with a pen whose form, width and unsteadiness chance picks; mode L."""
    return pen_ink(DIGITS[digit](rng), rng)


def pen_ink(skeleton: list[Stroke], rng: np.random.Generator) -> Image.Image:
    """Strokes drawn with a pen whose width and unsteadiness chance picks; mode L."""
    strokes = [_unsteady(stroke, rng) for stroke in skeleton]
    squeeze = np.exp(rng.uniform(-0.45, 0.25)), 1.0
    nib = rng.uniform(0.03, 0.22) if rng.random() < 0.8 else rng.uniform(0.02, 0.06)
    image = _draw(strokes, nib * SIDE, squeeze, round_ends=rng.random() < 0.6)
    width = round(SIDE * np.exp(rng.uniform(-0.5, 0.5)))
    return image if rng.random() < 0.6 else image.resize((width, SIDE), Image.Resampling.BILINEAR)


def _unsteady(stroke: Stroke, rng: np.random.Generator) -> Stroke:
    """Bends a stroke with two slow waves and moves it as a whole: a hand's deviation, in shares of the box."""
    scale = rng.choice([0.0, 0.012, 0.025])
    phase, speed = rng.uniform(0, 6.3, (2, 2)), rng.uniform(2, 7, (2, 2))
    bend = np.sin(stroke @ speed.T + phase[0]) + 0.5 * np.sin(2 * stroke @ speed + phase[1])
    return stroke + scale * bend + rng.normal(0, 0.5 * scale, 2)


def _draw(strokes: list[Stroke], width: float, squeeze: tuple[float, float], round_ends: bool) -> Image.Image:
    """Draws strokes with a pen `width` pixels wide inside a square of SIDE pixels."""
    image = Image.new('L', (SIDE, SIDE))
    draw = ImageDraw.Draw(image)
    room = SIDE * (1 - 2 * MARGIN)
    for stroke in strokes:
        points = ((stroke - 0.5) * squeeze * room + SIDE / 2).round(1)
        flat = [tuple(p) for p in points]
        draw.line(flat, fill=255, width=max(1, round(width)), joint='curve')
        if round_ends:
            for x, y in (flat[0], flat[-1]):
                draw.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=255)
    return image
