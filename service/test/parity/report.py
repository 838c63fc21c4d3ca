"""Prints the table of docs/preprocessing.md: how far the tensors of the service lie from each reference on photographs.

python service/test/parity/report.py      (CV_TEST_DATA, dist/ built: see .ci/parity)
"""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL
import transformers

from pictures import photograph
from references import Reference, references
from tensors import Difference, Service, difference

PHOTOGRAPHS = ('photo-vga.jpg', 'photo-1920.jpg', 'photo-6mp.jpg', 'faces-1.jpg', 'faces-25.jpg', 'Landscape_6.jpg')
FAST = ('Pillow bilinear', 'Pillow bicubic', 'Pillow lanczos', 'torchvision, V1', 'OpenCV, UltraFace')
"""Those that are shown with `accuracy: fast` too."""


def worst(service: Service, reference: Reference, folder: Path, change: dict[str, Any]) -> Difference:
    """Of all photographs."""
    found = [
        difference(reference.input, service.tensor(reference.input | change, file), reference.tensor(photograph(file)))
        for file in (folder / 'images' / name for name in PHOTOGRAPHS)
    ]
    return Difference(*(max(getattr(each, field) for each in found) for field in ('mean', 'p99', 'max')))


def main() -> None:
    """The table, and what it was made with."""
    folder = Path(os.environ['CV_TEST_DATA'])
    versions = {'Pillow': PIL, 'OpenCV': cv2, 'transformers': transformers, 'numpy': np}
    made_with = ', '.join(f'{name} {module.__version__}' for name, module in versions.items())
    print(f'{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, Python {platform.python_version()}, {made_with}\n')
    print('| trained behind | `accuracy` | mean | 99th percentile | maximum |\n| --- | --- | --- | --- | --- |')
    with Service() as service:
        for reference in references(8):
            for accuracy in ('exact', 'fast') if reference.name in FAST else ('exact',):
                apart = worst(service, reference, folder, {'accuracy': accuracy})
                print(f'| {reference.name} | {accuracy} | {apart.mean:.2f} | {apart.p99:.1f} | {apart.max:.1f} |')


if __name__ == '__main__':
    main()
