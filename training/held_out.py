"""Writes pictures that neither model has seen, with what is right: `npm run optimize` proves the models with them.

python training/held_out.py FOLDER            one digit a picture, and labels.csv
python training/held_out.py FOLDER --scenes   scenes, and labels.jsonl
--training: pictures as the models are trained on instead, for `cv-inference reference`
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from data import load_split
from evaluate import augmented_set, plain_sets
from finder.measure import scenes
from ink import InkBank, build_bank
from samples import make_picture

SEED = 7
"""That of training, whose pictures `--training` writes."""
STREAM = 21
"""Keeps these scenes apart from those that the finder was measured with."""
SCENES = 600
TRAINING_DIGITS = 5000
TRAINING_SCANS = 0.6
"""Share of scans among the digits of a training scene."""


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('folder', type=Path)
    parser.add_argument('--scenes', action='store_true')
    parser.add_argument('--training', action='store_true')
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    training, held_out = load_split()
    bank = build_bank(training if options.training else held_out)
    if options.scenes:
        write_scenes(options.folder, bank, TRAINING_SCANS if options.training else 1.0)
    else:
        write_digits(options.folder, training_digits(bank) if options.training else digits(bank))


def write_digits(folder: Path, pictures: Iterator[tuple[Image.Image, int]]) -> None:
    lines = []
    for index, (image, label) in enumerate(pictures):
        name = f'{index:04}.png'
        image.save(folder / name)
        lines.append(f'{name},{label}')
    (folder / 'labels.csv').write_text('\n'.join(['file,label', *lines]) + '\n', encoding='utf-8')


def digits(bank: InkBank) -> Iterator[tuple[Image.Image, int]]:
    """As they are measured in `bundle.py`: each scan in four plain renderings, and five times augmented."""
    for images in plain_sets(bank.scans).values():
        yield from zip(images, bank.scans.labels, strict=True)
    yield from zip(*augmented_set(bank, SEED), strict=True)


def training_digits(bank: InkBank) -> Iterator[tuple[Image.Image, int]]:
    """The first pictures that `train.py` makes."""
    return (make_picture(bank, SEED, index) for index in range(TRAINING_DIGITS))


def write_scenes(folder: Path, bank: InkBank, scans: float) -> None:
    lines = []
    for index, scene in enumerate(scenes(bank, SEED, STREAM, scans, SCENES)):
        name = f'{index:04}.jpg'
        scene.image.save(folder / name, quality=90)
        objects = [described(label, box) for label, box in zip(scene.labels, scene.boxes, strict=True)]
        lines.append(json.dumps({'file': name, 'predictions': objects}))
    (folder / 'labels.jsonl').write_text('\n'.join(lines) + '\n', encoding='utf-8')


def described(label: int, box: np.ndarray) -> dict[str, Any]:
    corners = zip(('x_min', 'y_min', 'x_max', 'y_max'), (float(each) for each in box), strict=True)
    return {'label': str(label), 'box': dict(corners)}


if __name__ == '__main__':
    main()
