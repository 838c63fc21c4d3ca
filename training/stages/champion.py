"""The model that serves now: a folder, or what the registry says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from export import sha256
from stages.settings import Refusal, Settings


def champion_folder(settings: Settings) -> Path:
    """A folder with model.json, whose digest is that of the model beside it; downloaded where it is in the registry."""
    folder = Path(settings.champion)
    if settings.champion.startswith('models:/'):
        from stages.registry import download

        folder = download(settings, settings.champion, settings.work / 'champion')
    if not (folder / 'model.json').is_file():
        raise Refusal(f'the champion {settings.champion} has no model.json')
    about = read_about(folder)
    if sha256(folder / about['file']) != about['sha256']:
        raise Refusal(f'the champion {settings.champion} is not the model that its model.json names')
    return folder


def read_about(folder: Path) -> dict[str, Any]:
    """The model.json of a model's folder."""
    return json.loads((folder / 'model.json').read_text(encoding='utf-8'))
