"""How JSON of manifests is laid out."""

from __future__ import annotations

import json


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
