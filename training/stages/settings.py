"""What one run of the loop is told, and where it keeps what its stages hand to each other."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / 'service' / 'models' / 'digits'


class Refusal(Exception):
    """A stage did its work and found that the loop has to stop here. The message says why."""


@dataclass(frozen=True)
class Settings:
    """Of one run.

    source: folder or `s3://bucket/prefix` that the service captures to; champion: folder of a model, or
    `models:/NAME@ALIAS` of the registry; samples: pictures made of the base data; epochs: times that each is shown;
    version: number in the registry that `promote` is about, where it is not the one registered from `work`;
    submission: by which `fetch` finds what a pipeline's run has recorded.
    """

    work: Path
    source: str = ''
    champion: str = str(SHIPPED)
    model: str = 'digits'
    samples: int = 20_000
    epochs: int = 3
    workers: int = 2
    seed: int = 7
    version: str = ''
    submission: str = ''

    @property
    def data(self) -> Path:
        """Images and manifest.json of `ingest`."""
        return self.work / 'data'

    @property
    def validation(self) -> Path:
        """report.html and validation.json of `validate`."""
        return self.work / 'validation'

    @property
    def challenger(self) -> Path:
        """The model's folder, as the service reads it."""
        return self.work / 'challenger'

    @property
    def training(self) -> Path:
        """training.json of `train`: parameters and curves."""
        return self.work / 'training'

    @property
    def verdict(self) -> Path:
        """verdict.json and verdict.md of `evaluate`."""
        return self.work / 'verdict'

    @property
    def reference(self) -> Path:
        """Pictures of `reference`."""
        return self.work / 'reference'

    @property
    def recorded(self) -> Path:
        """The file that says which run `record` made, of which model."""
        return self.work / 'recorded.json'

    @property
    def registered(self) -> Path:
        """The file that says which version `register` made."""
        return self.work / 'registered.json'


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def read_json(path: Path, made_by: str) -> dict[str, Any]:
    """The JSON at `path`; a Refusal that names the stage which makes it where it is not there."""
    return json.loads(require(path, made_by).read_text(encoding='utf-8'))


def require(path: Path, made_by: str) -> Path:
    """The path; a Refusal that names the stage which makes it where it is not there."""
    if not path.exists():
        raise Refusal(f'{path} is not there: run `loop.py {made_by}` first')
    return path


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + '\n', encoding='utf-8')
