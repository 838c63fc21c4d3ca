import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bundle import INPUT
from preprocess import Preprocess


def noise(mode: str, size: tuple[int, int]) -> Image.Image:
    bands = {'L': (), 'RGB': (3,), 'RGBA': (4,)}[mode]
    levels = np.random.default_rng(1).integers(0, 256, (size[1], size[0], *bands), dtype=np.uint8)
    return Image.fromarray(levels)


def test_the_manifest_states_the_input_that_training_used(manifest: dict[str, Any]) -> None:
    assert manifest['input'] == INPUT


def test_an_image_gives_the_same_tensor_each_time_in_the_stated_shape() -> None:
    preprocess = Preprocess(INPUT)
    first, second = (preprocess.tensor(noise('RGB', (61, 90))) for _ in range(2))
    assert first.shape == (1, 1, INPUT['height'], INPUT['width'])
    assert first.dtype == np.float32
    assert np.array_equal(first, second)


def test_grey_follows_the_integer_formula() -> None:
    image = noise('RGB', (INPUT['width'], INPUT['height']))
    r, g, b = np.asarray(image).astype(np.int64).transpose(2, 0, 1)
    expected = (19595 * r + 38470 * g + 7471 * b + 32768) >> 16
    assert np.array_equal(Preprocess(INPUT).pixels(image), expected)


def test_alpha_is_dropped_not_blended() -> None:
    image = noise('RGBA', (50, 40))
    preprocess = Preprocess(INPUT)
    assert np.array_equal(preprocess.pixels(image), preprocess.pixels(Image.fromarray(np.asarray(image)[..., :3])))


def test_exif_orientation_is_applied() -> None:
    image = noise('L', (50, 40))
    lying = image.transpose(Image.Transpose.ROTATE_90)
    lying.getexif()[0x0112] = 6
    preprocess = Preprocess(INPUT)
    assert np.array_equal(preprocess.pixels(lying), preprocess.pixels(image))


def test_black_and_white_become_the_ends_of_the_range() -> None:
    preprocess = Preprocess(INPUT)
    assert np.allclose(preprocess.normalise(np.array([0, 255], np.uint8)), [-1, 1])


def test_refuses_a_rule_it_does_not_implement() -> None:
    with pytest.raises(ValueError, match='cover'):
        Preprocess({**INPUT, 'resize': {'rule': 'cover', 'filter': 'bilinear'}})


def test_golden_tensors_are_those_of_the_golden_images(folder: Path) -> None:
    tensors = json.loads((folder / 'golden' / 'tensor.json').read_text(encoding='utf-8'))['tensors']
    assert len(tensors) == 3
    preprocess = Preprocess.from_manifest(folder / 'model.json')
    for tensor in tensors:
        with Image.open(folder / tensor['file']) as image:
            values = preprocess.tensor(image)
        assert list(values.shape) == tensor['shape']
        assert np.allclose(values.ravel(), tensor['values'], atol=2e-6)
