from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image

from bundle import TARGETS, measure
from data import load_split
from drawn import mouse_digits, typed_digits
from evaluate import Reader, accuracy, augmented_set
from export import sha256
from ink import build_bank


def test_the_file_is_the_one_the_manifest_names(folder: Path, manifest: dict[str, Any]) -> None:
    assert sha256(folder / manifest['file']) == manifest['sha256']


def test_the_folder_stays_below_a_megabyte(folder: Path) -> None:
    assert sum(file.stat().st_size for file in folder.rglob('*') if file.is_file()) < 1_000_000


def test_input_and_output_are_as_the_manifest_says_with_a_free_batch(folder: Path, manifest: dict[str, Any]) -> None:
    graph = onnx.load(folder / manifest['file'], load_external_data=False).graph
    shapes = [[d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim] for v in (*graph.input, *graph.output)]
    size = [manifest['input']['height'], manifest['input']['width']]
    assert [v.name for v in (*graph.input, *graph.output)] == ['image', 'logits']
    assert shapes == [['batch', 1, *size], ['batch', len(manifest['output']['labels'])]]
    assert all(weights.data_location == onnx.TensorProto.DEFAULT for weights in graph.initializer)


def test_an_image_reads_the_same_alone_and_in_a_batch(reader: Reader) -> None:
    tensors = np.random.default_rng(0).uniform(-1, 1, (7, 1, *reader.preprocess.size)).astype(np.float32)
    together = reader.logits(tensors)
    alone = np.concatenate([reader.logits(tensor[None]) for tensor in tensors])
    assert np.abs(together - alone).max() < 1e-4


def test_the_figures_in_the_manifest_are_those_of_the_model_and_reach_the_targets(
    reader: Reader, manifest: dict[str, Any]
) -> None:
    metrics = manifest['metrics']
    figures = measure(reader, build_bank(load_split()[1]), metrics['seed'])
    for name, target in TARGETS.items():
        assert figures[name]['accuracy'] >= target
        assert figures[name]['accuracy'] == pytest.approx(metrics[name]['accuracy'], abs=0.003)
        assert np.abs(np.subtract(figures[name]['confusion_matrix'], metrics[name]['confusion_matrix'])).max() <= 2


def test_golden_images_are_answered_as_the_manifest_says(
    folder: Path, manifest: dict[str, Any], reader: Reader
) -> None:
    assert {entry['predictions'][0]['label'] for entry in manifest['golden']} == set(manifest['output']['labels'])
    for entry in manifest['golden']:
        with Image.open(folder / entry['file']) as image:
            scores = reader.scores([image])[0]
        assert str(scores.argmax()) == entry['predictions'][0]['label'] == Path(entry['file']).name[0]
        for prediction in entry['predictions']:
            assert scores[int(prediction['label'])] == pytest.approx(prediction['score'], abs=entry['tolerance'])


def test_augmented_pictures_are_the_same_for_the_same_seed() -> None:
    held_out = load_split()[1]
    bank = build_bank(type(held_out)(held_out.images[:20], held_out.labels[:20], held_out.indices[:20]))
    first, second = (augmented_set(bank, 7, 1)[0] for _ in range(2))
    assert [image.tobytes() for image in first] == [image.tobytes() for image in second]


@pytest.mark.parametrize('size', [28, 64, 280, 512])
@pytest.mark.parametrize(('ink', 'paper'), [((0, 0, 0), (255, 255, 255)), ((255, 255, 255), (0, 0, 0))])
def test_digits_drawn_with_a_mouse_or_typed_are_read(reader: Reader, size: int, ink: tuple, paper: tuple) -> None:
    for make in (mouse_digits, typed_digits):
        _, labels, images = zip(*make(size, ink, paper), strict=True)
        assert accuracy(reader.scores(images), np.array(labels)) >= 0.95
