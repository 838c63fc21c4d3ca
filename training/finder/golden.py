"""Golden images: scenes of held-out scans in the forms and formats that people send, with what is found in them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from finder.find import Finder, Found
from finder.measure import matches
from finder.scene import Scene, compose
from golden import encode
from ink import InkBank

STREAM = 15
TOLERANCE = 0.02
LEAST_OVERLAP = 0.95
MARGIN = 0.05
"""What is found scores at least so much more than the threshold, so that no rounding elsewhere can lose it."""
TRIES = 300
QUALITY = 88


@dataclass(frozen=True)
class Form:
    """How one golden image looks and is stored: its longer side in pixels, how many digits, of which sizes.

    spread: how many times as high as the smallest digit the largest is, at least.
    """

    file: str
    sides: tuple[int, int]
    digits: tuple[int, int]
    spread: float = 1
    colour: bool = True
    upright: bool = True


FORMS = (
    Form('scene.jpg', (500, 520), (5, 12), spread=2),
    Form('alone.png', (128, 160), (1, 1), colour=False),
    Form('few.png', (200, 280), (3, 5), colour=False),
    Form('many.webp', (420, 440), (12, 30)),
    Form('turned-exif.jpg', (280, 360), (4, 8), upright=False),
)


def write_golden(finder: Finder, bank: InkBank, folder: Path, seed: int) -> list[dict[str, Any]]:
    """Writes the images into `folder`; returns the manifest's `golden`."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_write_form(finder, bank, form, folder, seed) for form in FORMS]


def _write_form(finder: Finder, bank: InkBank, form: Form, folder: Path, seed: int) -> dict[str, Any]:
    """The first scene, in a seeded order, in which everything is found rightly and surely; else the last one tried."""
    encoded, found = b'', Found(np.empty((0, 4)), np.empty(0, np.int64), np.empty(0))
    for scene in _candidates(bank, form, seed):
        encoded = encode(scene.image, form.file, QUALITY, upright=form.upright)
        with Image.open(io.BytesIO(encoded)) as image:
            found = finder.find(image)
        if _is_right(scene, found, finder.threshold + MARGIN):
            break
    (folder / form.file).write_bytes(encoded)
    return _entry(form, found)


def _candidates(bank: InkBank, form: Form, seed: int) -> Iterator[Scene]:
    """TRIES scenes with digits as the form asks for."""
    rng = np.random.default_rng([seed, STREAM, FORMS.index(form)])
    tried = 0
    while tried < TRIES:
        scene = compose(bank, rng, scans=1.0, sides=form.sides, colour=form.colour)
        heights = scene.boxes[:, 3] - scene.boxes[:, 1]
        fits = form.digits[0] <= len(heights) <= form.digits[1]
        if fits and heights.max() >= form.spread * heights.min():
            tried += 1
            yield scene


def _is_right(scene: Scene, found: Found, least: float) -> bool:
    right = len(found.labels) == len(scene.labels) and bool((matches(scene, found) >= 0).all())
    return right and float(found.scores.min()) >= least


def _entry(form: Form, found: Found) -> dict[str, Any]:
    predictions = [
        {
            'label': str(label),
            'score': round(float(score), 6),
            'box': dict(zip(('x_min', 'y_min', 'x_max', 'y_max'), (round(float(at), 2) for at in box), strict=True)),
        }
        for box, label, score in zip(found.boxes, found.labels, found.scores, strict=True)
    ]
    return {
        'file': f'golden/{form.file}',
        'predictions': predictions,
        'tolerance': TOLERANCE,
        'iou': LEAST_OVERLAP,
    }
