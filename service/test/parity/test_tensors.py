"""The tensors of the service are those that models are trained behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from pictures import formula, photograph
from references import Reference, references
from tensors import Service, difference

ROUNDING_LEVELS = 0.01
PHOTOGRAPHS = ('photo-vga.jpg', 'photo-6mp.jpg', 'faces-25.jpg', 'Landscape_6.jpg', '4.webp')
"""Small, large, with an odd margin, lying on its side, with transparency."""


@pytest.fixture(scope='module')
def service() -> Iterator[Service]:
    with Service() as process:
        yield process


def check(service: Service, reference: Reference, file: Path) -> None:
    ours, theirs = service.tensor(reference.input, file), reference.tensor(photograph(file))
    assert difference(reference.input, ours, theirs).max <= ROUNDING_LEVELS, file.name


@pytest.mark.parametrize('reference', references(8), ids=lambda reference: reference.name)
def test_of_a_picture_made_up(service: Service, reference: Reference, tmp_path: Path) -> None:
    for size in ((500, 375), (333, 500), (227, 225)):
        file = tmp_path / 'picture.png'
        Image.fromarray(formula(*size)).save(file)
        check(service, reference, file)


@pytest.mark.parametrize('reference', references(8), ids=lambda reference: reference.name)
def test_of_photographs(service: Service, reference: Reference, data: Path) -> None:
    for name in PHOTOGRAPHS:
        check(service, reference, data / 'images' / name)
