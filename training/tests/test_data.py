import numpy as np

from data import CLASSES, HELD_OUT, load_split


def test_the_splits_are_disjoint_and_together_hold_every_scan() -> None:
    training, held_out = load_split(7)
    assert len(held_out) == HELD_OUT
    assert sorted([*training.indices, *held_out.indices]) == list(range(1797))


def test_each_split_has_the_same_share_of_each_class() -> None:
    training, held_out = load_split(7)
    shares = [np.bincount(split.labels, minlength=CLASSES) / len(split) for split in (training, held_out)]
    assert np.abs(shares[0] - shares[1]).max() < 0.005


def test_the_same_seed_gives_the_same_split_and_another_a_different_one() -> None:
    assert np.array_equal(load_split(7)[1].indices, load_split(7)[1].indices)
    assert not np.array_equal(load_split(7)[1].indices, load_split(8)[1].indices)
