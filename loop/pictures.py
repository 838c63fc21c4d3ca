"""What the cameras of the loop show, one digit a picture, and labels.csv: `pictures.py KIND COUNT FIRST FOLDER`.

ordinary  made as those of training are, and none of them: the scans that the gate holds out are never shown
drifted   the same from a camera that has moved: darker, blurred, turned, with thinner strokes
black     what a covered camera sends: the noise of its sensor, labelled all the same
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'training'))

from data import load_split
from ink import InkBank, build_bank
from samples import make_picture

SEED = 113
"""Keeps these pictures apart from those of training and of the gate."""
THINNED_SIDE = 40
"""Pixels: in a smaller picture a stroke is too narrow to lose any."""
THINNED, DARKENED = 0.6, 0.55
"""Not all of a stroke's edge, and not all light: a picture that shows nothing any more is a broken camera's."""


def drifted(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    grey = image.convert('L')
    paper = int(np.median(grey))
    if min(grey.size) >= THINNED_SIDE:
        thinned = grey.filter(ImageFilter.MaxFilter(3) if np.mean(grey) < paper else ImageFilter.MinFilter(3))
        grey = Image.blend(grey, thinned, THINNED)
    turned = grey.rotate(rng.uniform(32, 40), Image.Resampling.BICUBIC, expand=True, fillcolor=paper)
    blurred = np.asarray(turned.filter(ImageFilter.GaussianBlur(turned.width / 60)), np.float32)
    return Image.fromarray((DARKENED * blurred).astype(np.uint8))


def black(rng: np.random.Generator) -> Image.Image:
    return Image.fromarray(rng.integers(0, 3, (64, 64), np.uint8))


def show(kind: str, bank: InkBank, index: int) -> tuple[Image.Image, int]:
    """Picture `index` of a camera, and its label."""
    rng = np.random.default_rng([SEED, index])
    image, label = make_picture(bank, SEED, index)
    if kind == 'drifted':
        image = drifted(image, rng)
    return (black(rng) if kind == 'black' else image), label


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('kind', choices=('ordinary', 'drifted', 'black'))
    parser.add_argument('count', type=int)
    parser.add_argument('first', type=int)
    parser.add_argument('folder', type=Path)
    options = parser.parse_args()
    options.folder.mkdir(parents=True)
    # Not the held-out scans, which would be learnt if a camera showed them.
    bank = build_bank(load_split()[0])
    lines = []
    for index in range(options.first, options.first + options.count):
        image, label = show(options.kind, bank, index)
        image.save(options.folder / f'{index}.png')
        lines.append(f'{index}.png,{label}\n')
    (options.folder / 'labels.csv').write_text(''.join(lines), encoding='utf-8')


if __name__ == '__main__':
    main()
