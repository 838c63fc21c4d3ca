"""Pictures: made by a formula that the tests repeat, or read from files as a person sees them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps


def formula(width: int, height: int) -> np.ndarray:
    """Gradients, edges and noise, [H, W, 3] uint8: `goldenImage` of resample-reference.test-support.ts."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing='ij')
    noise = (x * 2654435761 + y * 40503 + c * 9176 + x * y * 31) % 65521 % 256
    ramp = (x * 5 + y * 3 + c * 80) // 4 % 256
    return np.where((x // 8 + y // 8) % 2 == 0, noise, ramp).astype(np.uint8)


def photograph(file: Path) -> np.ndarray:
    """[H, W, 3] uint8, upright, without alpha."""
    with Image.open(file) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert('RGB'))
