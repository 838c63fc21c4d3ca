"""Makes fixtures/images/processors-golden.json: what the references say of small pictures, for processors.test.ts.

    python service/test/parity/make_processors_golden.py

Stored are a SHA-256 of the tensor's elements as levels, in their order, which is the same where an element lies within
rounding, and the first elements as they are.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL
import transformers

from pictures import formula
from references import Reference, references
from tensors import levels

SIZES = ((75, 53), (53, 75), (61, 40), (20, 26), (33, 95), (131, 128), (96, 64))
"""Both ways round, margins of every kind, smaller than the tensor, and many times larger."""
LARGEST_SIDE = 100
"""Tensors beyond it are for the photographs."""
FIRST = 4
ROUNDING = 1e-3


def answer(reference: Reference, width: int, height: int) -> dict[str, Any]:
    """What a reference makes of the picture of one size."""
    tensor = reference.tensor(formula(width, height))
    exact = levels(reference.input, tensor)
    whole = np.rint(exact)
    if np.abs(exact - whole).max() > ROUNDING:
        raise ValueError(f'{reference.name}: its tensor is not made of levels')
    digest = hashlib.sha256(whole.astype(np.uint8).tobytes()).hexdigest()
    first = [float(f'{value:.7g}') for value in tensor.ravel()[:FIRST]]
    return {'source': [width, height], 'first': first, 'sha256': digest}


def golden(reference: Reference) -> dict[str, Any]:
    """All answers of one reference."""
    return {
        'name': reference.name,
        'input': reference.input,
        'answers': [answer(reference, *size) for size in SIZES],
    }


target = Path(__file__).parents[1] / 'fixtures/images/processors-golden.json'
versions = {
    'numpy': np.__version__,
    'pillow': PIL.__version__,
    'opencv': cv2.__version__,
    'transformers': transformers.__version__,
}
lines = ',\n'.join(
    json.dumps(golden(reference)) for reference in references(1) if reference.input['width'] <= LARGEST_SIDE
)
target.write_text(f'{{"made_with": {json.dumps(versions)}, "references": [\n{lines}\n]}}\n', encoding='utf-8')
