import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image

from data import load_split
from export import sha256
from finder.bundle import INPUT, TARGET, find_all
from finder.find import Finder, overlap
from finder.measure import HELD_OUT_STREAM, measure
from ink import build_bank

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / 'service' / 'models' / 'digit-finder'


@pytest.fixture(scope='module')
def finder() -> Finder:
    return Finder.from_folder(FOLDER)


@pytest.fixture(scope='module')
def about() -> dict[str, Any]:
    return json.loads((FOLDER / 'model.json').read_text(encoding='utf-8'))


def test_the_file_is_the_one_the_manifest_names(about: dict[str, Any]) -> None:
    assert sha256(FOLDER / about['file']) == about['sha256']


def test_the_folder_stays_below_two_megabytes() -> None:
    assert sum(file.stat().st_size for file in FOLDER.rglob('*') if file.is_file()) < 2_000_000


def test_input_and_output_are_what_the_decoder_reads_with_a_free_batch(about: dict[str, Any]) -> None:
    assert about['input'] == INPUT
    graph = onnx.load(FOLDER / about['file'], load_external_data=False).graph
    shapes = [[d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim] for v in (*graph.input, *graph.output)]
    side = INPUT['width']
    cells = sum((side // stride) ** 2 for stride in (4, 8, 16))
    assert shapes[0] == ['batch', 1, side, side]
    assert shapes[1] == ['batch', 4 + len(about['output']['labels']), cells]
    assert all(weights.data_location == onnx.TensorProto.DEFAULT for weights in graph.initializer)


def test_an_image_reads_the_same_alone_and_in_a_batch(finder: Finder) -> None:
    tensors = np.random.default_rng(0).uniform(-1, 1, (3, 1, *finder.preprocess.size)).astype(np.float32)
    (together,) = finder.session.run(None, {'image': tensors})
    alone = np.concatenate([finder.session.run(None, {'image': tensor[None]})[0] for tensor in tensors])
    assert np.abs(together - alone).max() < 1e-3


def test_light_ink_reads_as_dark_ink_does(finder: Finder) -> None:
    tensor = np.random.default_rng(0).uniform(-1, 1, (1, 1, *finder.preprocess.size)).astype(np.float32)
    given, inverted = (finder.session.run(None, {'image': sign * tensor})[0] for sign in (1, -1))
    assert np.abs(given - inverted).max() < 1e-3


def test_the_figures_are_those_of_the_model_and_reach_the_target(finder: Finder, about: dict[str, Any]) -> None:
    metrics = about['metrics']
    assert metrics['held_out']['map_50'] >= TARGET
    bank = build_bank(load_split()[1])
    few = measure(finder, find_all(finder, bank, metrics['seed'], HELD_OUT_STREAM, 1.0, count=60))
    assert few['map_50'] == pytest.approx(metrics['held_out']['map_50'], abs=0.06)


def test_golden_images_are_answered_as_the_manifest_says(finder: Finder, about: dict[str, Any]) -> None:
    for entry in about['golden']:
        with Image.open(FOLDER / entry['file']) as image:
            found = finder.find(image)
        assert len(found.labels) == len(entry['predictions'])
        for box, label, score, expected in zip(
            found.boxes, found.labels, found.scores, entry['predictions'], strict=True
        ):
            wanted = np.array([[*expected['box'].values()]])
            assert str(label) == expected['label']
            assert score == pytest.approx(expected['score'], abs=entry['tolerance'])
            assert overlap(box[None], wanted)[0, 0] > entry['iou']


def test_empty_paper_holds_no_digit(finder: Finder) -> None:
    for grey in (0, 90, 255):
        assert len(finder.find(Image.new('L', (300, 200), grey)).labels) == 0


def test_the_sheet_of_failures_is_of_moderate_size() -> None:
    assert (ROOT / 'docs' / 'images' / 'digit-finder-failures.jpg').stat().st_size < 300_000
