import json
import sys
from pathlib import Path
from typing import Any

import pytest

TRAINING = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TRAINING))

from evaluate import Reader  # noqa: E402
from preprocess import Preprocess  # noqa: E402

MODEL = TRAINING.parent / 'service' / 'models' / 'digits'


@pytest.fixture(scope='session')
def folder() -> Path:
    return MODEL


@pytest.fixture(scope='session')
def manifest() -> dict[str, Any]:
    return json.loads((MODEL / 'model.json').read_text(encoding='utf-8'))


@pytest.fixture(scope='session')
def reader() -> Reader:
    return Reader(MODEL / 'model.onnx', Preprocess.from_manifest(MODEL / 'model.json'))
