"""Tensors of the service, and how far they lie from those of a reference, in 8-bit levels."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[3]
PROCESS = ROOT / 'dist/service/test/parity/tensor-process.js'
ELEMENTS = {'float32': np.float32, 'float16': np.float16, 'uint8': np.uint8}


class Service:
    """The service's preprocessing, in a process of its own (tensor-process.ts)."""

    def __enter__(self) -> Service:
        self._out = tempfile.NamedTemporaryFile()
        self._process = subprocess.Popen(
            ['node', str(PROCESS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.communicate(timeout=30)
        self._out.close()

    def tensor(self, words: dict[str, Any], file: Path) -> np.ndarray:
        """One image by the `input` of a model.json: [C, H, W] or [H, W, C]."""
        question = {'input': words, 'file': str(file), 'out': self._out.name}
        self._process.stdin.write(json.dumps(question) + '\n')
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if 'error' in answer:
            raise RuntimeError(f'{file.name}: {answer["error"]}')
        values = np.frombuffer(Path(self._out.name).read_bytes(), ELEMENTS[words['type']])
        depth = 1 if words['channels'] == 'grey' else 3
        size = (words['height'], words['width'])
        return values.reshape((depth, *size) if words['layout'] == 'NCHW' else (*size, depth)).copy()


@dataclass(frozen=True)
class Difference:
    """Of two tensors, in 8-bit levels."""

    mean: float
    p99: float
    max: float


def levels(words: dict[str, Any], tensor: np.ndarray) -> np.ndarray:
    """Undoes the normalisation: [C, H, W] or [H, W, C] of levels 0..255, not rounded."""
    scale = words.get('scale', 1 if words['type'] == 'uint8' else 1 / 255)
    shape = (-1, 1, 1) if words['layout'] == 'NCHW' else (-1,)
    mean = np.reshape(words.get('mean', [0]), shape)
    std = np.reshape(words.get('std', [1]), shape)
    return (tensor.astype(np.float64) * std + mean) / scale


def difference(words: dict[str, Any], ours: np.ndarray, theirs: np.ndarray) -> Difference:
    """How far two tensors of the same input lie apart."""
    apart = np.abs(levels(words, ours) - levels(words, theirs))
    return Difference(float(apart.mean()), float(np.quantile(apart, 0.99)), float(apart.max()))
