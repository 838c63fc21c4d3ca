"""A stage of dvc.yaml depends on every file that its command imports: else a change there would reproduce nothing."""

import ast
from pathlib import Path

import pytest
import yaml

TRAINING = Path(__file__).resolve().parent.parent
STAGES = yaml.safe_load((TRAINING / 'dvc.yaml').read_text(encoding='utf-8'))['stages']


def imported_by(script: Path, seen: set[Path]) -> set[Path]:
    """The files of this folder that a script is made of, itself among them."""
    if script in seen or not script.exists():
        return seen
    seen.add(script)
    for node in ast.walk(ast.parse(script.read_text(encoding='utf-8'))):
        names = [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            imported_by(TRAINING / f'{name.replace(".", "/")}.py', seen)
    return seen


@pytest.mark.parametrize('stage', STAGES)
def test_a_stage_depends_on_what_its_command_imports(stage: str) -> None:
    script = STAGES[stage]['cmd'].split()[1]
    parts = {path.relative_to(TRAINING).parts for path in imported_by(TRAINING / script, set())}
    assert sorted({part[0] for part in parts} | {'requirements.txt'}) == STAGES[stage]['deps']
