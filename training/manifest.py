"""What the manifests of all models share: how figures are summed up, how JSON is laid out."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

BINS = 16


def distribution(values: np.ndarray, top: float) -> dict[str, Any]:
    """Mean, deviation, quantiles and the share of values in each of BINS equal bins from 0 to `top`."""
    if len(values) == 0:
        return {'count': 0}
    counts, edges = np.histogram(np.clip(values, 0, top), bins=BINS, range=(0, top))
    points = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
    return {
        'count': len(values),
        'mean': round(float(values.mean(dtype=np.float64)), 6),
        'std': round(float(values.std(dtype=np.float64)), 6),
        'quantiles': {str(p): round(float(np.quantile(values, p)), 6) for p in points},
        'bin_edges': [round(float(edge), 6) for edge in edges],
        'bin_share': [round(float(count) / len(values), 6) for count in counts],
    }


def format_json(value: object, indent: str = '') -> str:
    """JSON with two spaces of indent, and what fits on a line of 110 characters on one line."""
    flat = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value or (len(flat) + len(indent) <= 100):
        return flat
    deeper = indent + '  '
    if isinstance(value, list):
        items = [format_json(item, deeper) for item in value]
        return '[\n' + ',\n'.join(deeper + item for item in items) + f'\n{indent}]'
    pairs = [f'{deeper}{json.dumps(key)}: {format_json(item, deeper)}' for key, item in value.items()]
    return '{\n' + ',\n'.join(pairs) + f'\n{indent}}}'
