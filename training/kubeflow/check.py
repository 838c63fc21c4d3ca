"""Runs the pipeline for real, by KFP's local runner: `python training/kubeflow/check.py` (requirements-kubeflow.txt).

Captures of a drifted camera become a challenger, which `loop.py fetch` brings; with wrong labels the run ends at
validation, and `fetch` says why.
TRAINING_PYTHON is the environment of the stages.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

TRAINING = Path(__file__).resolve().parent.parent
SMALL = {'champion': str(TRAINING.parent / 'service' / 'models' / 'digits'), 'samples': 3000, 'epochs': 2}


def make_captures(kind: str, folder: Path) -> None:
    """Pictures are made in the environment of the stages, as this one has neither NumPy nor Pillow."""
    command = [os.environ['TRAINING_PYTHON'], str(TRAINING / 'tests' / 'captures.py'), str(folder), kind]
    subprocess.run(command, check=True)


def run(kind: str, folder: Path) -> tuple[bool, set[str]]:
    """Whether the run succeeded, and the components whose outputs are there."""
    from kfp import local
    from pipeline import retrain

    make_captures(kind, folder / 'captures')
    root = folder / 'outputs'
    local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(root), raise_on_error=True)
    try:
        retrain(source=str(folder / 'captures'), submission=kind, **SMALL)
    except RuntimeError as error:
        print(f'{kind}: the run failed: {error}')
        return False, made_in(root)
    return True, made_in(root)


def made_in(root: Path) -> set[str]:
    """Names of the artifacts that are there and not empty."""
    return {path.name for path in root.glob('*/*/*') if path.is_dir() and any(path.iterdir())}


def fetched(kind: str, work: Path) -> str:
    """The version that `loop.py fetch` has brought, or why there is none."""
    loop = [os.environ['TRAINING_PYTHON'], str(TRAINING / 'loop.py')]
    done = subprocess.run(
        [*loop, 'fetch', '--submission', kind, '--work', str(work)], check=False, capture_output=True, text=True
    )
    if done.returncode:
        return done.stderr.splitlines()[-1]
    return json.loads((work / 'challenger' / 'model.json').read_text(encoding='utf-8'))['version']


def main() -> None:
    os.environ['TRAINING_HOME'] = str(TRAINING)
    expected = {
        'drifted': (True, {'data', 'validation', 'challenger', 'training', 'verdict'}, r'1\.\d+\.0-.*'),
        'wrong-labels': (False, {'data', 'validation'}, 'refused: the data is refused: agreement.*'),
    }
    for kind, (*wanted, says) in expected.items():
        with tempfile.TemporaryDirectory() as folder:
            os.environ['MLFLOW_TRACKING_URI'] = f'sqlite:///{Path(folder, "mlflow.db")}'
            os.environ['MLFLOW_DEFAULT_ARTIFACT_ROOT'] = Path(folder, 'artifacts').as_uri()
            found = [*run(kind, Path(folder))]
            said = fetched(kind, Path(folder, 'fetched'))
        if found != wanted or not re.fullmatch(says, said):
            sys.exit(f'{kind}: {found}, {said}; expected was {wanted}, {says}')
        print(f'{kind}: as expected: {found}, {said}')


if __name__ == '__main__':
    main()
