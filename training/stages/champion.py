"""Models in folders: the one that serves now, and how their model.json is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from export import sha256
from stages.settings import Refusal, Settings


def champion_folder(settings: Settings) -> Path:
    """The champion's folder; downloaded where it is in the registry. A Refusal where it is not whole."""
    folder = Path(settings.champion)
    if settings.champion.startswith('models:/'):
        from stages.registry import download

        folder = download(settings, settings.champion, settings.work / 'champion')
    check_whole(folder, f'the champion {settings.champion}')
    return folder


def check_whole(folder: Path, what: str) -> None:
    """A Refusal where the folder has no model.json, or not the model that it names."""
    if not (folder / 'model.json').is_file():
        raise Refusal(f'{what} has no model.json')
    about = read_about(folder)
    if not (folder / about['file']).is_file() or sha256(folder / about['file']) != about['sha256']:
        raise Refusal(f'{what} is not the model that its model.json names')


def read_about(folder: Path) -> dict[str, Any]:
    """The model.json of a model's folder."""
    return json.loads((folder / 'model.json').read_text(encoding='utf-8'))
