"""From PyTorch to ONNX."""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch

from evaluate import Reader
from model import DigitNet
from preprocess import Preprocess

OPSET = 17
LARGEST_DIFFERENCE = 1e-4
"""Of a logit, between PyTorch and ONNX Runtime."""


def export_onnx(model: DigitNet, path: Path, preprocess: Preprocess) -> None:
    """Writes `image` [batch, 1, H, W] -> `logits` [batch, 10], weights inside, and checks the file."""
    width, height = preprocess.size
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        torch.onnx.export(
            model.eval().to(memory_format=torch.contiguous_format),
            (torch.zeros(2, 1, height, width),),
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=['image'],
            output_names=['logits'],
            dynamic_axes={'image': {0: 'batch'}, 'logits': {0: 'batch'}},
        )
    onnx.checker.check_model(onnx.load(path), full_check=True)


def check_parity(model: DigitNet, path: Path, preprocess: Preprocess, pixels: np.ndarray) -> float:
    """Largest difference of a logit on pixels [N, H, W] uint8; raises if too large."""
    tensors = preprocess.normalise(pixels)[:, None]
    with torch.no_grad():
        expected = model(torch.from_numpy(tensors)).numpy()
    difference = float(np.abs(Reader(path, preprocess).logits(tensors) - expected).max())
    if difference > LARGEST_DIFFERENCE:
        raise RuntimeError(f'ONNX Runtime and PyTorch differ by {difference}')
    return difference


def sha256(path: Path) -> str:
    """Hexadecimal digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
