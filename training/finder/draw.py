"""The sheet of what went wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from finder.find import Found
from finder.measure import matches
from finder.scene import Scene

WRONG, MISSED = (220, 30, 30), (30, 90, 230)
TILE = 256
COLUMNS, ROWS = 4, 4


def failure_sheet(pairs: Sequence[tuple[Scene, Found]]) -> Image.Image:
    """The scenes with most mistakes: red what was found wrongly, blue (with the right digit) what was missed."""
    judged = sorted(pairs, key=lambda pair: -_mistakes(*pair))[: COLUMNS * ROWS]
    sheet = Image.new('RGB', (COLUMNS * TILE, ROWS * TILE), 'white')
    for place, (scene, found) in enumerate(judged):
        sheet.paste(_judged_tile(scene, found), (place % COLUMNS * TILE, place // COLUMNS * TILE))
    return sheet


def _mistakes(scene: Scene, found: Found) -> int:
    right = int((matches(scene, found) >= 0).sum())
    return len(scene.labels) + len(found.labels) - 2 * right


def _judged_tile(scene: Scene, found: Found) -> Image.Image:
    scale = (TILE - 6) / max(scene.image.size)
    tile = scene.image.convert('RGB').resize([max(1, round(side * scale)) for side in scene.image.size])
    draw = ImageDraw.Draw(tile)
    shown = matches(scene, found)
    for row in np.flatnonzero(~np.isin(np.arange(len(scene.labels)), shown)):
        _label(draw, scene.boxes[row] * scale, str(scene.labels[row]), MISSED, below=True)
    for row in np.flatnonzero(shown < 0):
        _label(draw, found.boxes[row] * scale, str(found.labels[row]), WRONG)
    return tile


def _label(draw: ImageDraw.ImageDraw, box: np.ndarray, text: str, colour: tuple, *, below: bool = False) -> None:
    """A box with a small flag of text at its upper or lower left corner."""
    draw.rectangle(tuple(box), outline=colour, width=2 if not below else 1)
    font = ImageFont.load_default(11)
    width, height = draw.textlength(text, font) + 4, 13
    x, y = float(box[0]), float(box[3]) if below else float(box[1]) - height
    y = min(max(0.0, y), draw.im.size[1] - height)
    x = min(max(0.0, x), draw.im.size[0] - width)
    draw.rectangle((x, y, x + width, y + height), fill=colour)
    draw.text((x + 2, y), text, fill='white', font=font)
