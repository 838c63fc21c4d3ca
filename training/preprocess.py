"""The preprocessing that model.json describes: the only one used to train, evaluate and make golden answers.

Image -> as a person sees it (EXIF) -> RGB, alpha dropped -> grey by Pillow's
(19595 R + 38470 G + 7471 B + 32768) >> 16 -> Pillow resize -> (pixel * scale - mean) / std.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

FILTERS = {
    'nearest': Image.Resampling.NEAREST,
    'box': Image.Resampling.BOX,
    'bilinear': Image.Resampling.BILINEAR,
    'hamming': Image.Resampling.HAMMING,
    'bicubic': Image.Resampling.BICUBIC,
    'lanczos': Image.Resampling.LANCZOS,
}


class Preprocess:
    """Turns images into tensors by the `input` section of a model.json."""

    def __init__(self, spec: dict[str, Any]) -> None:
        resize = spec['resize']
        if (spec['layout'], spec['channels'], spec['type']) != ('NCHW', 'grey', 'float32'):
            raise ValueError('only float32 NCHW of one grey channel is implemented here')
        if resize['rule'] != 'stretch':
            raise ValueError(f'resize rule {resize["rule"]} is not implemented here')
        self.size: tuple[int, int] = (spec['width'], spec['height'])
        self.filter = FILTERS[resize['filter']]
        self.scale: float = spec['scale']
        self.mean: float = spec['mean'][0]
        self.std: float = spec['std'][0]

    @classmethod
    def from_manifest(cls, path: Path) -> Preprocess:
        """Reads the `input` section of the model.json at `path`."""
        return cls(json.loads(path.read_text(encoding='utf-8'))['input'])

    def pixels(self, image: Image.Image) -> np.ndarray:
        """[H, W] uint8 grey levels, resized but not normalised."""
        upright = ImageOps.exif_transpose(image)
        grey = upright.convert('RGB').convert('L')
        return np.asarray(grey.resize(self.size, self.filter))

    def normalise(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 levels of any shape to float32 of the same shape."""
        return ((pixels.astype(np.float64) * self.scale - self.mean) / self.std).astype(np.float32)

    def tensor(self, image: Image.Image) -> np.ndarray:
        """[1, 1, H, W] float32."""
        return self.normalise(self.pixels(image))[None, None]
