"""The page of `validate`: each check, and pictures of what it found; needs no other file and no network."""

from __future__ import annotations

import base64
import html
import io
from collections import Counter
from pathlib import Path

from PIL import Image

from stages.checks import Check
from stages.frames import open_entry
from stages.ingest import Entry

SIDE = 64
"""Pixels of a thumbnail."""
SHOWN = 24
"""Pictures of each kind."""
STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
h2{margin:2rem 0 .3rem;font-size:1.1rem}.refused{color:#b00020}.passed{color:#1b6e3c}
.row{display:flex;flex-wrap:wrap;gap:.6rem}figure{margin:0;width:7rem;font-size:.75rem;overflow-wrap:anywhere}
img{width:64px;height:64px;object-fit:contain;background:#eee}td,th{padding:.1rem .8rem;text-align:right}
"""


def report(folder: Path, checks: list[Check], accepted: list[Entry]) -> str:
    """HTML. folder: that of the data set."""
    refused = any(check.refused for check in checks)
    verdict = 'refused' if refused else 'passed'
    parts = [f'<h1>Data: <span class="{verdict}">{verdict}</span></h1>', *(_section(folder, c) for c in checks)]
    parts += [f'<h2>Accepted: {len(accepted)} images</h2>', _table(accepted), _pictures(folder, _spread(accepted))]
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Data {verdict}</title><style>{STYLE}</style>'
    return head + '\n'.join(parts) + '</html>\n'


def _section(folder: Path, check: Check) -> str:
    verdict = 'refused' if check.refused else 'passed'
    head = f'<h2>{check.name}: <span class="{verdict}">{verdict}</span></h2><p>{html.escape(check.says)}</p>'
    return head + _pictures(folder, [(finding.entry, finding.why) for finding in check.aside[:SHOWN]])


def _spread(accepted: list[Entry]) -> list[tuple[Entry, str]]:
    step = max(1, len(accepted) // SHOWN)
    return [(entry, entry.part) for entry in accepted[::step][:SHOWN]]


def _pictures(folder: Path, shown: list[tuple[Entry, str]]) -> str:
    return '<div class="row">' + ''.join(_figure(folder, entry, why) for entry, why in shown) + '</div>'


def _figure(folder: Path, entry: Entry, why: str) -> str:
    caption = html.escape(f'label {entry.label}; {why}')
    return f'<figure>{_thumbnail(folder, entry)}<figcaption>{caption}</figcaption></figure>'


def _thumbnail(folder: Path, entry: Entry) -> str:
    try:
        image = open_entry(folder, entry)
    except Exception:  # what cannot be read is told by its caption
        return '<p>no picture</p>'
    image.thumbnail((SIDE, SIDE), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    image.save(buffer, 'PNG')
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}">'


def _table(accepted: list[Entry]) -> str:
    counts = Counter((entry.label, entry.part) for entry in accepted)
    labels = sorted({entry.label for entry in accepted})
    rows = ''.join(
        f'<tr><td>{html.escape(label)}<td>{counts[label, "train"]}<td>{counts[label, "hold_out"]}' for label in labels
    )
    return f'<table><tr><th>label<th>to train on<th>held out{rows}</table>'
