import hashlib

import numpy as np

from data import CLASSES, HELD_OUT, load_split


def test_the_splits_are_disjoint_and_together_hold_every_scan() -> None:
    training, held_out = load_split()
    assert len(held_out) == HELD_OUT
    assert sorted([*training.indices, *held_out.indices]) == list(range(1797))


def test_each_split_has_the_same_share_of_each_class() -> None:
    training, held_out = load_split()
    shares = [np.bincount(split.labels, minlength=CLASSES) / len(split) for split in (training, held_out)]
    assert np.abs(shares[0] - shares[1]).max() < 0.005


def test_the_held_out_scans_are_those_that_no_model_so_far_was_trained_on() -> None:
    rows = load_split()[1].indices.astype('<i8').tobytes()
    assert hashlib.sha256(rows).hexdigest() == '99b73f01445b0ce1c3e7941f8b212508ba6f3c50ed0e4f881a19f4da1fe6466d'
