"""Writes fixtures/derivation-golden.json: what image processors by name make of one picture, for model/derive.

    pip install transformers==4.57.1 torch pillow==12.3.0 numpy
    python service/test/parity/make_derivation_golden.py && npm run format

Of a release that has all these classes still, with the defaults that today's exports were written with.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import transformers
from PIL import Image

WIDTH, HEIGHT = 203, 97
SAMPLES = 12
DEFAULTS = [
    'ViT',
    'DeiT',
    'Beit',
    'ConvNext',
    'MobileNetV1',
    'MobileNetV2',
    'MobileViT',
    'EfficientNet',
    'Levit',
    'PoolFormer',
    'Bit',
    'CLIP',
    'Siglip',
    'Blip',
    'Flava',
    'Segformer',
    'Pvt',
    'DPT',
    'Detr',
    'ConditionalDetr',
    'Yolos',
    'RTDetr',
]
OTHERS = [
    ('ConvNext', {'size': {'shortest_edge': 224}, 'resample': 3}),
    ('EfficientNet', {'rescale_offset': True, 'rescale_factor': 1 / 127.5, 'do_center_crop': True}),
    ('PoolFormer', {'size': {'height': 224, 'width': 224}, 'crop_pct': 0.95}),
    ('Yolos', {'size': {'shortest_edge': 512, 'longest_edge': 864}}),
    ('Bit', {'size': {'shortest_edge': 256}, 'image_mean': [0.485, 0.456, 0.406], 'image_std': [0.229, 0.224, 0.225]}),
    ('ViT', {'do_normalize': False, 'do_rescale': False, 'size': {'height': 60, 'width': 100}}),
    ('CLIP', {'size': {'shortest_edge': 100}, 'crop_size': {'height': 131, 'width': 128}}),
]


def picture() -> Image.Image:
    """Levels by a formula that the test has too."""
    y, x, c = np.mgrid[0:HEIGHT, 0:WIDTH, 0:3]
    return Image.fromarray(((x * 7 + y * 13 + c * 50 + (x * y) % 31) % 256).astype(np.uint8))


def golden(name: str, given: dict[str, Any]) -> dict[str, Any]:
    """A processor's settings, and its tensor: size, and values at some places."""
    processor = getattr(transformers, f'{name}ImageProcessor')(**given)
    tensor = np.asarray(processor(images=picture(), return_tensors='np')['pixel_values'])[0]
    values = tensor.ravel()
    at = [int(k * 7919 * 31 % values.size) for k in range(1, SAMPLES + 1)]
    _, height, width = tensor.shape
    return {
        'processor': {'image_processor_type': f'{name}ImageProcessor', **given},
        'width': width,
        'height': height,
        'values': {str(index): float(np.float32(values[index])) for index in at},
    }


if __name__ == '__main__':
    cases = [golden(name, given) for name, given in [*((name, {}) for name in DEFAULTS), *OTHERS]]
    lines = ',\n'.join(json.dumps(case) for case in cases)
    (Path(__file__).parent.parent / 'fixtures/derivation-golden.json').write_text(f'[\n{lines}\n]\n')
