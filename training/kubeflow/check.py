"""Runs the pipeline for real, by KFP's local runner: `python training/kubeflow/check.py` (requirements-kubeflow.txt).

Captures of a drifted camera become a challenger that is recorded; with wrong labels, the run ends at validation.
TRAINING_PYTHON is the environment of the stages.
"""

from __future__ import annotations

import os
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
        retrain(source=str(folder / 'captures'), **SMALL)
    except RuntimeError as error:
        print(f'{kind}: the run failed: {error}')
        return False, made_in(root)
    return True, made_in(root)


def made_in(root: Path) -> set[str]:
    """Names of the artifacts that are there and not empty."""
    return {path.name for path in root.glob('*/*/*') if path.is_dir() and any(path.iterdir())}


def passed(database: Path) -> int:
    """Runs of MLflow whose challenger passed."""
    script = (
        'import sys; from mlflow.tracking import MlflowClient; client = MlflowClient(sys.argv[1], sys.argv[1]); '
        'ids = [each.experiment_id for each in client.search_experiments()]; '
        'print(len(client.search_runs(ids, "tags.verdict = \'passed\'")))'
    )
    command = [os.environ['TRAINING_PYTHON'], '-c', script, f'sqlite:///{database}']
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def main() -> None:
    os.environ['TRAINING_HOME'] = str(TRAINING)
    expected = {
        'drifted': (True, {'data', 'validation', 'challenger', 'training', 'verdict'}, 1),
        'wrong-labels': (False, {'data', 'validation'}, 0),
    }
    for kind, wanted in expected.items():
        with tempfile.TemporaryDirectory() as folder:
            database = Path(folder, 'mlflow.db')
            os.environ['MLFLOW_TRACKING_URI'] = f'sqlite:///{database}'
            os.environ['MLFLOW_DEFAULT_ARTIFACT_ROOT'] = Path(folder, 'artifacts').as_uri()
            found = (*run(kind, Path(folder)), passed(database) if database.exists() else 0)
        if found != wanted:
            sys.exit(f'{kind}: {found}, expected was {wanted}')
        print(f'{kind}: as expected: {found}')


if __name__ == '__main__':
    main()
