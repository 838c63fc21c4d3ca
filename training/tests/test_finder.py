import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data import CLASSES, Scans, load_split
from finder.bundle import INPUT
from finder.find import Found, overlap, suppress
from finder.measure import average_precision, matches
from finder.network import SIZES, STRIDES, cells
from finder.samples import Sample, make_samples, shifted, targets
from finder.scene import Scene, compose
from ink import InkBank, build_bank
from preprocess import Preprocess


@pytest.fixture(scope='module')
def bank() -> InkBank:
    scans = load_split()[0]
    return build_bank(Scans(scans.images[:60], scans.labels[:60], scans.indices[:60]))


def scene_of(boxes: list[list[float]], labels: list[int]) -> Scene:
    return Scene(Image.new('L', (100, 100)), np.array(boxes, float), np.array(labels), np.ones(len(labels), bool))


def found_of(boxes: list[list[float]], labels: list[int], scores: list[float]) -> Found:
    return Found(np.array(boxes, float).reshape(-1, 4), np.array(labels, np.int64), np.array(scores))


def test_the_same_seed_gives_the_same_scene(bank: InkBank) -> None:
    one, two = (compose(bank, np.random.default_rng(5)) for _ in range(2))
    assert one.image.tobytes() == two.image.tobytes()
    assert np.array_equal(one.boxes, two.boxes)


def test_boxes_lie_inside_their_scene_and_hold_ink(bank: InkBank) -> None:
    for seed in range(40):
        scene = compose(bank, np.random.default_rng(seed), colour=seed % 2 == 0)
        assert len(scene.boxes) == len(scene.labels) == len(scene.from_scan)
        assert (scene.boxes >= 0).all()
        assert (scene.boxes[:, 2:] <= scene.image.size).all()
        assert (scene.boxes[:, 2:] - scene.boxes[:, :2] > 1).all()


def test_digits_of_a_scene_hardly_overlap(bank: InkBank) -> None:
    for seed in range(40):
        boxes = compose(bank, np.random.default_rng(seed)).boxes
        assert (np.triu(overlap(boxes, boxes), 1) < 0.4).all()


def test_a_scene_of_scans_alone_has_no_drawn_digit(bank: InkBank) -> None:
    scenes = [compose(bank, np.random.default_rng(seed), scans=1.0) for seed in range(10)]
    assert all(scene.from_scan.all() for scene in scenes)
    assert {int(label) for scene in scenes for label in scene.labels} == set(range(CLASSES))


def test_samples_do_not_depend_on_the_number_of_workers(bank: InkBank) -> None:
    for one, two in zip(*(make_samples(bank, Preprocess(INPUT), 3, 6, workers) for workers in (1, 2)), strict=True):
        assert np.array_equal(one.pixels, two.pixels)
        assert np.array_equal(one.boxes, two.boxes)


@pytest.mark.parametrize(('longer', 'levels'), [(20, [0]), (SIZES[1][0] + 1, [0, 1]), (50, [1]), (200, [2])])
def test_cells_around_the_middle_answer_on_the_levels_of_the_size(longer: float, levels: list[int]) -> None:
    box = np.array([[128 - 5, 128 - longer / 2, 128 + 5, 128 + longer / 2]])
    rows, labels, boxes = targets(Sample(np.zeros((256, 256), np.uint8), box, np.array([7])))
    middles, strides = cells(256)
    assert sorted({*strides[rows]}) == [STRIDES[level] for level in levels]
    assert (np.abs(middles[rows] - 128) <= 1.5 * strides[rows][:, None]).all()
    assert len(rows) >= 4
    assert (labels == 7).all()
    assert np.allclose(boxes, [128, 128, 10, longer])


def test_a_cell_between_two_digits_belongs_to_the_nearer() -> None:
    boxes = np.array([[100, 100, 106, 120], [107, 100, 113, 120]], float)
    rows, labels, _ = targets(Sample(np.zeros((256, 256), np.uint8), boxes, np.array([1, 2])))
    middles, _ = cells(256)
    assert len(set(rows.tolist())) == len(rows)
    assert (labels == np.where(middles[rows][:, 0] < 106.5, 1, 2)).all()


def test_a_shifted_sample_takes_its_boxes_with_it() -> None:
    pixels = np.zeros((64, 64), np.uint8)
    pixels[20:30, 30:40] = 255
    moved = shifted(Sample(pixels, np.array([[30, 20, 40, 30]], float), np.array([0])), 7, -5)
    left, top, right, bottom = moved.boxes[0].astype(int)
    assert (moved.pixels[top:bottom, left:right] == 255).all()
    assert moved.pixels.sum() == pixels.sum()


def test_the_better_of_two_boxes_of_one_digit_stays() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]], float)
    assert suppress(boxes, 0.5, 300).tolist() == [0, 2]
    assert suppress(boxes, 0.9, 300).tolist() == [0, 1, 2]
    assert suppress(boxes, 0.9, 2).tolist() == [0, 1]


def test_each_digit_is_shown_once_by_the_best_box_of_its_label() -> None:
    scene = scene_of([[0, 0, 10, 10], [50, 50, 60, 60]], [3, 4])
    found = found_of([[0, 0, 10, 10], [1, 0, 10, 10], [50, 50, 60, 60]], [3, 3, 5], [0.9, 0.8, 0.7])
    assert matches(scene, found).tolist() == [0, -1, -1]
    assert matches(scene, found, by_label=False).tolist() == [0, -1, 1]


def test_average_precision_is_the_area_under_the_curve() -> None:
    assert average_precision(np.array([0.9, 0.8]), np.array([True, True]), 2) == pytest.approx(1)
    assert average_precision(np.array([0.9, 0.8]), np.array([True, True]), 4) == pytest.approx(51 / 101)
    assert average_precision(np.array([0.9, 0.8]), np.array([False, True]), 1) == pytest.approx(0.5)
    assert average_precision(np.array([]), np.array([], bool), 3) == 0


def test_a_letterbox_keeps_the_aspect_ratio_and_pads_the_rest() -> None:
    preprocess = Preprocess(INPUT)
    pixels = preprocess.pixels(Image.new('L', (100, 50), 7))
    assert (pixels[64:192] == 7).all()
    assert (pixels[:64] == 114).all()
    assert (pixels[192:] == 114).all()
    place = preprocess.placement((100, 50))
    boxes = np.array([[10, 20, 30, 40.0]])
    assert np.allclose(place.to_tensor(boxes, (100, 50)), [[25.6, 115.2, 76.8, 166.4]])
    assert np.allclose(place.to_image(place.to_tensor(boxes, (100, 50)), (100, 50)), boxes)


def test_a_short_training_writes_a_folder_that_loads_and_is_the_same_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = pytest.importorskip('train_finder')
    monkeypatch.setattr(
        train,
        'load_split',
        lambda: tuple(Scans(s.images[:60], s.labels[:60], s.indices[:60]) for s in load_split()),
    )
    monkeypatch.setattr('finder.bundle.SCENES', 2)
    monkeypatch.setattr('finder.golden.TRIES', 1)
    arguments = ['--samples', '16', '--epochs', '1', '--processes', '1']
    texts = []
    for name in ('first', 'second'):
        out = tmp_path / name
        train.main([*arguments, '--out', str(out), '--pictures', str(out)])
        texts.append((out / 'model.json').read_text(encoding='utf-8'))
        assert all((out / entry['file']).is_file() for entry in json.loads(texts[-1])['golden'])
    assert texts[0] == texts[1]
