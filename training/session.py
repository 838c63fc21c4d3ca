"""ONNX Runtime on one thread, as all figures are made."""

from __future__ import annotations

from pathlib import Path

import onnxruntime as ort


def open_session(model: Path) -> ort.InferenceSession:
    """Loads the ONNX file at `model`."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return ort.InferenceSession(str(model), options, providers=['CPUExecutionProvider'])
