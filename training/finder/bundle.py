"""Writes service/models/digit-finder (model, manifest, golden images) and the sheet of its failures."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from data import CLASSES
from export import check_parity, export_onnx, sha256
from finder.draw import failure_sheet
from finder.find import Finder, Found
from finder.golden import write_golden
from finder.measure import (
    HELD_OUT_STREAM,
    MIXED_STREAM,
    SCENES,
    SMALLEST_SCORE,
    VALIDATION_STREAM,
    measure,
    pick_threshold,
    scenes,
)
from finder.network import Exported, FinderNet
from finder.scene import UNITS, Scene
from ink import InkBank
from manifest import format_json
from preprocess import Preprocess

INPUT: dict[str, Any] = {
    'name': 'image',
    'layout': 'NCHW',
    'type': 'float32',
    'width': UNITS,
    'height': UNITS,
    'channels': 'grey',
    'resize': {'rule': 'letterbox', 'filter': 'bilinear', 'pad_value': [114]},
    'scale': 1 / 255,
    'mean': [0.5],
    'std': [0.5],
}
OUTPUT: dict[str, Any] = {
    'decoder': 'yolo',
    'labels': [str(digit) for digit in range(CLASSES)],
    'threshold': 0.4,
    'iou': 0.25,
    'across_classes': True,
    'max_detections': 300,
}
ABOUT = {
    'schema_version': 1,
    'name': 'digit-finder',
    'version': '1.0.0',
    'description': (
        'Finds and reads every handwritten digit in a picture. A small convolutional network trained by '
        "training/train_finder.py on scenes composed of scikit-learn's handwritten digits and of digits drawn by code."
    ),
    'license': (
        'Apache-2.0 (weights, made here); training data: Optical Recognition of Handwritten Digits, '
        'UCI, CC-BY-4.0, as shipped in scikit-learn, BSD-3-Clause'
    ),
}
TARGET = 0.93
"""Mean average precision on held-out scans."""
PARITY_SCENES = 16
SHEET_QUALITY = 70

Pairs = list[tuple[Scene, Found]]


def write_bundle(net: FinderNet, out: Path, pictures: Path, training: InkBank, held_out: InkBank, seed: int) -> None:
    """Exports, picks the threshold, evaluates on held-out scans; writes folder and pictures, prints the figures."""
    shutil.rmtree(out / 'golden', ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)
    path, preprocess = out / 'model.onnx', Preprocess(INPUT)
    exported = Exported(net).eval()
    export_onnx(exported, path, preprocess.size, 'detections')
    validation = Finder(path, preprocess, OUTPUT)
    known = find_all(validation, training, seed, VALIDATION_STREAM, 0.5, SCENES)
    tensors = np.concatenate([preprocess.tensor(scene.image) for scene, _ in known[:PARITY_SCENES]])
    print(f'PyTorch and ONNX Runtime differ by {check_parity(exported, path, tensors):.1e} at most')
    output = {**OUTPUT, 'threshold': pick_threshold(known)}
    finder = Finder(path, preprocess, output)
    metrics, pairs = evaluate(finder, held_out, seed, SCENES)
    manifest = {
        **ABOUT,
        'file': path.name,
        'sha256': sha256(path),
        'task': 'detection',
        'input': INPUT,
        'output': output,
        'golden': write_golden(finder, held_out, out / 'golden', seed),
        'metrics': {'seed': seed, 'training_scans': len(training.scans), **metrics},
    }
    (out / 'model.json').write_text(format_json(manifest) + '\n', encoding='utf-8')
    write_sheet(finder, pairs, pictures)
    report(metrics)


def write_sheet(finder: Finder, pairs: Pairs, folder: Path) -> None:
    """The sheet of failures."""
    folder.mkdir(parents=True, exist_ok=True)
    sure = [(scene, found.above(finder.threshold)) for scene, found in pairs]
    failure_sheet(sure).save(folder / 'digit-finder-failures.jpg', quality=SHEET_QUALITY)


def find_all(finder: Finder, bank: InkBank, seed: int, stream: int, scans: float, count: int) -> Pairs:
    """Scenes of the bank and whatever is found in them."""
    composed = scenes(bank, seed, stream, scans, count)
    return [(scene, finder.find(scene.image, SMALLEST_SCORE)) for scene in composed]


def evaluate(finder: Finder, bank: InkBank, seed: int, count: int) -> tuple[dict[str, Any], Pairs]:
    """Figures on scenes of scans alone, and with drawn digits among them; and the former scenes."""
    pairs = find_all(finder, bank, seed, HELD_OUT_STREAM, 1.0, count)
    mixed = find_all(finder, bank, seed, MIXED_STREAM, 0.5, count)
    return {'held_out': measure(finder, pairs), 'held_out_and_drawn': measure(finder, mixed)}, pairs


def report(metrics: dict[str, Any]) -> None:
    """Prints the figures."""
    for name, figures in metrics.items():
        print(f'\n{name}: mAP at 0.5 {figures["map_50"]:.4f} (target {TARGET}), threshold {figures["threshold"]}')
        for row in figures['by_size']:
            print('  ' + '  '.join(f'{key} {value}' for key, value in row.items()))
