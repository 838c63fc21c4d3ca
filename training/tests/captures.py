"""Captured images as the service writes them, of digits as a drifted camera shows them.

For other checks: `python training/tests/captures.py FOLDER drifted` (or wrong-labels).
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from augment import picture
from data import Scans, load_split
from ink import InkBank, build_bank, scan_ink
from stages.evaluate import open_reader
from stages.settings import SHIPPED

DAY = '2026-11-20'
STREAM = 71


def training_bank(count: int) -> InkBank:
    scans = load_split()[0]
    return build_bank(Scans(scans.images[:count], scans.labels[:count], scans.indices[:count]))


def drifted(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Turned by some 40 degrees, darker, blurred."""
    grey = image.convert('L')
    turned = grey.rotate(rng.uniform(35, 45), Image.Resampling.BICUBIC, expand=True, fillcolor=int(np.median(grey)))
    blurred = np.asarray(turned.filter(ImageFilter.GaussianBlur(turned.width / 60)), np.float32)
    return Image.fromarray((0.55 * blurred).astype(np.uint8))


def captured_digits(count: int, seed: int = 0) -> list[tuple[Image.Image, int]]:
    bank = training_bank(count)
    digits = []
    for index in range(count):
        rng = np.random.default_rng([seed, STREAM, index])
        digits.append((drifted(picture(scan_ink(bank, index, rng), rng), rng), int(bank.scans.labels[index])))
    return digits


def capture(
    folder: Path,
    name: str,
    data: bytes,
    label: str | None,
    answer: tuple[str, float] | None = None,
    ending: str = 'png',
    at: str = f'{DAY}T00:00:00Z',
    why: str = 'sampled',
) -> None:
    """Writes one captured image with its record and, where there is a label, its feedback."""
    day = folder / 'digits' / '1.0.0' / at[:10]
    day.mkdir(parents=True, exist_ok=True)
    (day / f'{name}.{ending}').write_bytes(data)
    predictions = [{'label': answer[0], 'score': answer[1]}] if answer else []
    record = {'request_id': name, 'captured_at': at, 'answer': {'predictions': predictions}, 'why': why}
    (day / f'{name}.json').write_text(json.dumps(record), encoding='utf-8')
    if label is not None:
        feedback = {'request_id': name, 'label': label, 'given_at': at}
        (day / f'{name}.feedback.json').write_text(json.dumps(feedback), encoding='utf-8')


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, 'PNG')
    return buffer.getvalue()


def write_captures(folder: Path, kind: str, count: int = 300) -> None:
    """Of a drifted camera, answered by the shipped model; kind `wrong-labels`: each is labelled as the next digit."""
    digits = captured_digits(count)
    scores = open_reader(SHIPPED).scores([image for image, _ in digits])
    for index, ((image, digit), row) in enumerate(zip(digits, scores, strict=True)):
        label = (digit + 1) % 10 if kind == 'wrong-labels' else digit
        capture(folder, f'r{index:04}', png(image), str(label), (str(row.argmax()), float(row.max())))


if __name__ == '__main__':
    write_captures(Path(sys.argv[1]), sys.argv[2])
