"""The hold-out: pictures that no model was trained on, in slices, both models reading the same ones.

Those of the base data are frozen: the same for every model and seed. Captured images are added as they come.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from augment import jpeg, picture
from data import SPLIT, load_split
from evaluate import plain_image
from ink import InkBank, build_bank, scan_ink
from stages.frames import open_entry
from stages.settings import Settings
from stages.validate import read_accepted

STREAM = 41
CAPTURED = 'captured'
SMALL_SIDE = 16
NOISE = 32
"""Standard deviation of grey levels, 0..255."""


@dataclass(frozen=True)
class HoldOut:
    """Pictures with what is right.

    labels: [N] int; slices: [N] names; sources: [N] int, the scan or captured image that a picture was made of:
    pictures of one source are not independent of each other.
    """

    images: list[Image.Image]
    labels: np.ndarray
    slices: np.ndarray
    sources: np.ndarray


def hold_out(settings: Settings) -> HoldOut:
    """Each held-out scan once in each slice, and the captured images that are held out."""
    bank = build_bank(load_split()[1])
    rows = [
        (image, int(bank.scans.labels[index]), name, index)
        for index in range(len(bank.scans))
        for name, image in scan_slices(bank, index).items()
    ]
    held = [entry for entry in read_accepted(settings) if entry.part == 'hold_out']
    rows += [
        (open_entry(settings.data, entry), int(entry.label), CAPTURED, len(bank.scans) + index)
        for index, entry in enumerate(held)
    ]
    images, labels, slices, sources = zip(*rows, strict=True)
    return HoldOut(list(images), np.array(labels), np.array(slices), np.array(sources))


def scan_slices(bank: InkBank, index: int) -> dict[str, Image.Image]:
    """One scan as it is, small, rotated, noisy, and as the training pictures are."""
    rng = np.random.default_rng([SPLIT, STREAM, index])
    plain = plain_image(bank.scans.images[index], light_ink=False, blocky=False)
    angle = rng.uniform(12, 20) * rng.choice([-1, 1])
    return {
        'plain': plain,
        'small': plain.resize((SMALL_SIDE, SMALL_SIDE), Image.Resampling.BILINEAR),
        'rotated': plain.rotate(angle, Image.Resampling.BICUBIC, fillcolor=255),
        'noisy': _noisy(plain, rng),
        'augmented': picture(scan_ink(bank, index, rng), rng, 256),
    }


def _noisy(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    blurred = np.asarray(image.filter(ImageFilter.GaussianBlur(1.5)), np.float32)
    levels = 60 + 0.6 * blurred + rng.normal(0, NOISE, blurred.shape)
    return jpeg(Image.fromarray(np.clip(levels + 0.5, 0, 255).astype(np.uint8)), 40)
