"""From PyTorch to ONNX."""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

from session import open_session

OPSET = 17
LARGEST_DIFFERENCE = 5e-4
"""Of a value, between PyTorch and ONNX Runtime: dividing by the contrast of a dark, flat picture magnifies rounding."""


def export_onnx(model: nn.Module, path: Path, size: tuple[int, int], output: str) -> None:
    """Writes `image` [batch, 1, H, W] -> `output` [batch, ...], weights inside, and checks the file.

    size: width and height in pixels.
    """
    example = torch.zeros(2, 1, size[1], size[0])
    model = model.eval().to(memory_format=torch.contiguous_format)
    answer = model(example)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        torch.onnx.export(
            model,
            (example,),
            str(path),
            dynamo=False,
            # As it is: with normalisation folded in, a convolution that several share would be written for each.
            training=torch.onnx.TrainingMode.PRESERVE,
            opset_version=OPSET,
            input_names=['image'],
            output_names=[output],
            dynamic_axes={'image': {0: 'batch'}, output: {0: 'batch'}},
        )
    exported = onnx.load(path)
    for dimension, count in zip(exported.graph.output[0].type.tensor_type.shape.dim[1:], answer.shape[1:], strict=True):
        dimension.dim_value = count
    onnx.save(exported, path)
    onnx.checker.check_model(exported, full_check=True)


@torch.no_grad()
def check_parity(model: nn.Module, path: Path, tensors: np.ndarray) -> float:
    """Largest difference of a value on tensors [N, 1, H, W]; of large values as a share. Raises if too large."""
    expected = model(torch.from_numpy(tensors)).numpy()
    (given,) = open_session(path).run(None, {'image': tensors})
    difference = float((np.abs(given - expected) / np.maximum(1, np.abs(expected))).max())
    if difference > LARGEST_DIFFERENCE:
        raise RuntimeError(f'ONNX Runtime and PyTorch differ by {difference}')
    return difference


def sha256(path: Path) -> str:
    """Hexadecimal digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
