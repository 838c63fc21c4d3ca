"""From ink to a picture: placed in a frame, on coloured paper, badly lit, noisy, blurred, compressed.

Everything depends only on the generator handed in, so a sample is named by its seed.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageFilter

Rng = np.random.Generator
WORK = 112
"""Pixels of the longer side that a digit is placed at, before it is reduced to a smaller frame."""
LEAST = 9
"""Pixels of a digit's height in its frame: a scan has 8, and less is a riddle."""
LUMA = np.array([0.299, 0.587, 0.114])


def picture(ink: Image.Image, rng: Rng, largest: int = 128) -> Image.Image:
    """A picture (mode L or RGB) of the ink: sides of 16..`largest` pixels, 1:2 to 2:1."""
    size = _frame(rng, largest)
    mask, height = place(warp(ink, rng), size, rng)
    if rng.random() < 0.3:
        mask = mask.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 1.0) * 0.035 * height))
    plain = rng.random() < 0.35
    image = _colour(np.asarray(mask, np.float32) / 255, rng, plain)
    if not plain:
        image = spoil(image, rng)
    result = Image.fromarray(np.clip(image + 0.5, 0, 255).astype(np.uint8))
    if rng.random() < (0.05 if plain else 0.4):
        result = jpeg(result, int(rng.integers(25, 96)))
    if rng.random() < 0.12:
        times = rng.uniform(1.5, 4)
        kind = Image.Resampling.NEAREST if rng.random() < 0.6 else Image.Resampling.BICUBIC
        bigger = tuple(min(largest, round(side * times)) for side in result.size)
        result = result.resize(bigger, kind)
    return result


def _frame(rng: Rng, largest: int) -> tuple[int, int]:
    """Width and height of a frame, pixels."""
    side = np.exp(rng.uniform(np.log(16), np.log(largest)))
    aspect = np.exp(rng.uniform(-0.7, 0.7)) if rng.random() < 0.4 else 1.0
    width, height = side * aspect**0.5, side / aspect**0.5
    return int(np.clip(round(width), 16, largest)), int(np.clip(round(height), 16, largest))


def warp(ink: Image.Image, rng: Rng) -> Image.Image:
    """Moves the four corners a little, as a camera held askew does; then crops to the ink."""
    w, h = ink.size
    if rng.random() < 0.6:
        corners = np.array([0, 0, 0, h, w, h, w, 0]) + rng.normal(0, 0.045, 8) * w
        ink = ink.transform((w, h), Image.Transform.QUAD, tuple(corners), Image.Resampling.BILINEAR)
    box = ink.point(lambda value: 255 if value > 70 else 0).getbbox()
    return ink.crop(box) if box else ink


def place(ink: Image.Image, size: tuple[int, int], rng: Rng) -> tuple[Image.Image, float]:
    """Puts cropped ink into a frame of `size`: its height is 1/3 of the frame's to all of it, turned by
    up to 15 degrees, anywhere. Returns the mask (mode L) and the digit's height in pixels."""
    zoom = max(1.0, WORK / max(size))
    width, height = round(size[0] * zoom), round(size[1] * zoom)
    share = rng.uniform(0.31, 1.0) if rng.random() < 0.75 else rng.uniform(0.8, 1.0)
    tall = max(share * height, LEAST * zoom)
    wide = tall * ink.width / ink.height * np.exp(rng.uniform(-0.3, 0.3))
    angle = np.radians(np.clip(rng.normal(0, 7), -15, 15) if rng.random() < 0.8 else 0.0)
    shear = rng.uniform(-0.25, 0.25) if rng.random() < 0.6 else 0.0
    shape = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ [[1, shear], [0, 1]]
    reach = np.abs(shape) @ [wide, tall]
    fit = min(1.0, width / reach[0], height / reach[1])
    wide, tall, reach = max(2.0, wide * fit), max(2.0, tall * fit), reach * fit
    source = ink.resize((max(2, round(wide)), max(2, round(tall))), Image.Resampling.BILINEAR)
    spare = (np.array([width, height]) - reach) / 2
    middle = np.array([width, height]) / 2 + spare * rng.uniform(-1, 1, 2) * (rng.random() < 0.75)
    back = np.linalg.inv(shape)
    shift = np.array(source.size) / 2 - back @ middle
    matrix = (back[0, 0], back[0, 1], shift[0], back[1, 0], back[1, 1], shift[1])
    mask = source.transform((width, height), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    if zoom > 1:
        mask = mask.resize(size, reducer(rng))
    return mask, float(tall / zoom)


def reducer(rng: Rng) -> Image.Resampling:
    filters = Image.Resampling
    return (filters.BOX, filters.BILINEAR, filters.LANCZOS)[rng.integers(3)]


def _colour(mask: np.ndarray, rng: Rng, plain: bool) -> np.ndarray:
    """[H, W] mask to [H, W] or [H, W, 3] levels 0..255: ink on paper, either the darker."""
    if plain and rng.random() < 0.6:
        return 255 * (mask if rng.random() < 0.5 else 1 - mask)
    dark, light = pair(rng)
    paper, pen = (light, dark) if rng.random() < 0.5 else (dark, light)
    if rng.random() < 0.5:
        return float(LUMA @ paper) + float(LUMA @ (pen - paper)) * mask
    return paper + (pen - paper) * mask[..., None]


def pair(rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """Two colours [3], 0..255, the first darker by a visible step."""
    step = 45 if rng.random() < 0.1 else 75
    while True:
        a, b = rng.uniform(0, 255, (2, 3))
        if rng.random() < 0.5:
            b = 255 - (255 - b) * 0.35
        difference = LUMA @ (b - a)
        if abs(difference) >= step:
            return (a, b) if difference > 0 else (b, a)


def spoil(image: np.ndarray, rng: Rng) -> np.ndarray:
    """Light that falls off, blotches, ruled lines and noise on [H, W(, 3)] levels."""
    h, w = image.shape[:2]
    light = np.ones((h, w), np.float32)
    if rng.random() < 0.7:
        light *= gradient(h, w, rng)
    if rng.random() < 0.3:
        coarse = Image.fromarray(rng.normal(1, rng.uniform(0.02, 0.1), (4, 4)).astype(np.float32))
        light *= np.asarray(coarse.resize((w, h), Image.Resampling.BICUBIC))
    if rng.random() < 0.06:
        light[:: max(8, h // int(rng.integers(3, 8)))] *= rng.uniform(0.75, 0.92)
    image = image * (light if image.ndim == 2 else light[..., None])
    if rng.random() < 0.6:
        image = image + rng.standard_normal(image.shape, np.float32) * rng.uniform(0.01, 0.13) * float(np.ptp(image))
    return image


def gradient(h: int, w: int, rng: Rng) -> np.ndarray:
    """[H, W] share of light: a slope in some direction, sometimes a spot, 0.4..1.15."""
    y, x = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j].astype(np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    slope = (x * np.cos(angle) + y * np.sin(angle)) / 1.42
    if rng.random() < 0.3:
        slope = np.hypot(x - rng.uniform(-1, 1), y - rng.uniform(-1, 1)) - 1
    low = rng.uniform(0.4, 0.95)
    return low + (rng.uniform(0.95, 1.15) - low) * np.clip(0.5 + 0.5 * slope, 0, 1)


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    """The image after a JPEG encoder had it."""
    buffer = io.BytesIO()
    image.save(buffer, 'JPEG', quality=quality)
    return Image.open(buffer)
