"""One stage as a step of a pipeline: what earlier steps made comes from folders, what it makes goes to folders.

Needs nothing but Python: the stage itself runs in the environment of training (TRAINING_PYTHON).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

LOOP = Path(__file__).resolve().parent.parent / 'loop.py'


class StepFailed(Exception):
    """A stage refused or failed: the pipeline stops here."""


def run_step(stage: str, options: dict[str, object], inputs: dict[str, str], outputs: dict[str, str]) -> None:
    """Runs `loop.py STAGE`.

    options: of loop.py, without dashes; empty ones are left out. inputs, outputs: name in the folder of the run
    (`data`, `validation`, ...) -> folder. A challenger that the gate refuses is recorded before this raises.
    """
    with tempfile.TemporaryDirectory() as work:
        for name, folder in inputs.items():
            Path(work, name).symlink_to(Path(folder).resolve())
        status = _run(stage, work, options)
        if status and stage == 'evaluate':
            _run('record', work, options)
        for name, folder in outputs.items():
            if Path(work, name).exists():
                shutil.copytree(Path(work, name), folder, dirs_exist_ok=True)
    if status:
        raise StepFailed(f'{stage} ended with {status}: its log says why')


def _run(stage: str, work: str, options: dict[str, object]) -> int:
    command = [os.environ.get('TRAINING_PYTHON', sys.executable), str(LOOP), stage, '--work', work]
    for name, value in options.items():
        if value != '':
            command += [f'--{name}', str(value)]
    return subprocess.run(command, check=False).returncode
