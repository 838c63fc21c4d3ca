import json
from pathlib import Path

import numpy as np
import pytest

from bundle import INPUT
from data import CLASSES, Scans, load_split
from ink import InkBank, build_bank, scan_ink, thin
from preprocess import Preprocess
from samples import make_samples
from strokes import stroke_ink


def _first(scans: Scans, count: int) -> Scans:
    return Scans(scans.images[:count], scans.labels[:count], scans.indices[:count])


@pytest.fixture(scope='module')
def bank() -> InkBank:
    return build_bank(_first(load_split()[0], 60))


def test_samples_do_not_depend_on_the_number_of_workers(bank: InkBank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('samples.CHUNK', 16)
    one, two = (make_samples(bank, Preprocess(INPUT), 3, 40, workers) for workers in (1, 2))
    assert np.array_equal(one[0], two[0])
    assert np.array_equal(one[1], two[1])


def test_every_digit_leaves_ink_in_every_way_of_drawing(bank: InkBank) -> None:
    for seed in range(30):
        rng = np.random.default_rng(seed)
        for digit in range(CLASSES):
            assert stroke_ink(digit, rng).getbbox()
            assert scan_ink(bank, digit, rng).getbbox()


def test_thinning_leaves_a_line_one_pixel_wide() -> None:
    mask = np.zeros((20, 30), bool)
    mask[6:13, 3:27] = True
    assert thin(mask).sum(axis=0).max() == 1
    assert thin(mask).sum() >= 15


def test_a_short_training_writes_a_folder_that_loads_and_is_the_same_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = pytest.importorskip('train')
    monkeypatch.setattr(train, 'load_split', lambda: tuple(_first(split, 60) for split in load_split()))
    monkeypatch.setattr('bundle.REPEATS', 1)
    arguments = ['--samples', '512', '--epochs', '1', '--workers', '1', '--threads', '1']
    texts = []
    for name in ('first', 'second'):
        train.main([*arguments, '--out', str(tmp_path / name)])
        texts.append((tmp_path / name / 'model.json').read_text(encoding='utf-8'))
        for entry in json.loads(texts[-1])['golden']:
            assert (tmp_path / name / entry['file']).is_file()
    assert texts[0] == texts[1]
