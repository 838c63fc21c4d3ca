"""The preprocessing that model.json describes: the only one used to train, evaluate and make golden answers.

Image -> as a person sees it (EXIF) -> RGB, alpha dropped -> grey by Pillow's
(19595 R + 38470 G + 7471 B + 32768) >> 16 -> Pillow resize, for a letterbox on a padded frame ->
(pixel * scale - mean) / std.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Placement:
    """Size of the resized image and its upper left corner in the tensor. Pixels."""

    size: tuple[int, int]
    corner: tuple[int, int]

    def to_tensor(self, boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Corners [N, 4] in pixels of an image of `size` to pixels of the tensor."""
        return boxes * self._scale(size) + np.tile(self.corner, 2)

    def to_image(self, boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Corners [N, 4] in pixels of the tensor to pixels of an image of `size`, clipped to it."""
        return np.clip((boxes - np.tile(self.corner, 2)) / self._scale(size), 0, np.tile(size, 2))

    def _scale(self, size: tuple[int, int]) -> np.ndarray:
        return np.tile([self.size[0] / size[0], self.size[1] / size[1]], 2)


class Preprocess:
    """Turns images into tensors by the `input` section of a model.json."""

    def __init__(self, spec: dict[str, Any]) -> None:
        resize = spec['resize']
        if (spec['layout'], spec['channels'], spec['type']) != ('NCHW', 'grey', 'float32'):
            raise ValueError('only float32 NCHW of one grey channel is implemented here')
        if resize['rule'] not in ('stretch', 'letterbox'):
            raise ValueError(f'resize rule {resize["rule"]} is not implemented here')
        self.size: tuple[int, int] = (spec['width'], spec['height'])
        self.pad: int | None = resize.get('pad_value', [0])[0] if resize['rule'] == 'letterbox' else None
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
        place = self.placement(grey.size)
        resized = grey.resize(place.size, self.filter)
        if place.size == self.size:
            return np.asarray(resized)
        frame = Image.new('L', self.size, self.pad)
        frame.paste(resized, place.corner)
        return np.asarray(frame)

    def placement(self, size: tuple[int, int]) -> Placement:
        """Where an image of `size` (as a person sees it) lies in the tensor: a letterbox as Ultralytics' LetterBox."""
        if self.pad is None:
            return Placement(self.size, (0, 0))
        ratio = min(self.size[0] / size[0], self.size[1] / size[1])
        width, height = (max(1, round(side * ratio)) for side in size)
        corner = (round((self.size[0] - width) / 2 - 0.1), round((self.size[1] - height) / 2 - 0.1))
        return Placement((width, height), corner)

    def normalise(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 levels of any shape to float32 of the same shape."""
        return ((pixels.astype(np.float64) * self.scale - self.mean) / self.std).astype(np.float32)

    def tensor(self, image: Image.Image) -> np.ndarray:
        """[1, 1, H, W] float32."""
        return self.normalise(self.pixels(image))[None, None]
