"""Writes service/models/digits: the model, its manifest, its golden images."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from data import CLASSES, Scans
from evaluate import LARGEST, REPEATS, Reader, accuracy, augmented_set, confusion, format_confusion, plain_sets
from export import check_parity, export_onnx, sha256
from golden import write_golden
from ink import InkBank, build_bank
from manifest import format_json
from model import DigitNet
from preprocess import Preprocess

SIDE = 40
INPUT: dict[str, Any] = {
    'name': 'image',
    'layout': 'NCHW',
    'type': 'float32',
    'width': SIDE,
    'height': SIDE,
    'channels': 'grey',
    'resize': {'rule': 'stretch', 'filter': 'bilinear'},
    'scale': 1 / 255,
    'mean': [0.5],
    'std': [0.5],
}
OUTPUT: dict[str, Any] = {
    'name': 'logits',
    'activation': 'softmax',
    'labels': [str(digit) for digit in range(CLASSES)],
    'top_k': 3,
    'threshold': 0,
}
ABOUT = {
    'schema_version': 1,
    'name': 'digits',
    'version': '1.0.0',
    'description': (
        'Reads one handwritten digit, dark on light or light on dark. A small convolutional network '
        "trained by training/train.py on scikit-learn's handwritten digits and on digits drawn by code."
    ),
    'license': (
        'Apache-2.0 (weights, made here); training data: Optical Recognition of Handwritten Digits, '
        'UCI, CC-BY-4.0, as shipped in scikit-learn, BSD-3-Clause'
    ),
}
TARGETS = {'held_out': 0.985, 'held_out_augmented': 0.95}


def write_bundle(
    model: DigitNet,
    out: Path,
    training: Scans,
    held_out: Scans,
    pixels: np.ndarray,
    seed: int,
    version: str = ABOUT['version'],
) -> dict[str, Any]:
    """Exports, evaluates on the held-out scans, prints the figures, writes the folder; returns the manifest.

    pixels: [N, H, W] uint8, the training pictures.
    """
    shutil.rmtree(out / 'golden', ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)
    preprocess = Preprocess(INPUT)
    path = out / 'model.onnx'
    export_onnx(model, path, preprocess.size, OUTPUT['name'])
    difference = check_parity(model, path, preprocess.normalise(pixels[:512])[:, None])
    print(f'PyTorch and ONNX Runtime differ by {difference:.1e} at most')
    reader, bank = Reader(path, preprocess), build_bank(held_out)
    metrics = measure(reader, bank, seed)
    manifest = {
        **ABOUT,
        'version': version,
        'file': path.name,
        'sha256': sha256(path),
        'task': 'classification',
        'input': INPUT,
        'output': OUTPUT,
        'golden': write_golden(reader, bank, out / 'golden', seed),
        'metrics': {'seed': seed, 'training_scans': len(training), 'training_pictures': len(pixels), **metrics},
    }
    (out / 'model.json').write_text(format_json(manifest) + '\n', encoding='utf-8')
    report(manifest['metrics'])
    return manifest


def measure(reader: Reader, bank: InkBank, seed: int) -> dict[str, Any]:
    """The manifest's figures on held-out scans."""
    labels = bank.scans.labels
    plain = {name: reader.scores(images) for name, images in plain_sets(bank.scans).items()}
    images, augmented_labels = augmented_set(bank, seed, REPEATS)
    scores = reader.scores(images)
    by_rendering = {name: round(accuracy(each, labels), 6) for name, each in plain.items()}
    main = plain['bicubic_dark_on_light']
    return {
        'held_out': {
            'scans': len(labels),
            'accuracy': round(accuracy(main, labels), 6),
            'rendering': 'bicubic_dark_on_light',
            'confusion_matrix': confusion(main, labels).tolist(),
            'accuracy_by_rendering': by_rendering,
        },
        'held_out_augmented': {
            'pictures': len(images),
            'pictures_per_scan': REPEATS,
            'largest_side_pixels': LARGEST,
            'accuracy': round(accuracy(scores, augmented_labels), 6),
            'confusion_matrix': confusion(scores, augmented_labels).tolist(),
        },
    }


def report(metrics: dict[str, Any]) -> None:
    """Prints the figures beside their targets."""
    for name, target in TARGETS.items():
        figures = metrics[name]
        print(f'\n{name}: accuracy {figures["accuracy"]:.4f}, target {target}')
        print(format_confusion(np.array(figures['confusion_matrix'])))
    print('\nheld out, by rendering:', metrics['held_out']['accuracy_by_rendering'])
