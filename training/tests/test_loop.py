import json
from pathlib import Path

import pytest
from captures import write_captures

import loop
from stages.settings import SHIPPED

STAGES = ['ingest', 'validate', 'train', 'evaluate', 'record', 'reference']
SHORT = ['--samples', '3000', '--epochs', '2', '--workers', '1']


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv('MLFLOW_TRACKING_URI', f'sqlite:///{tmp_path / "mlflow.db"}')
    return tmp_path / 'work'


def use_reference_of_the_shipped_model(manifest: Path) -> None:
    """In place of one that the service would make, which is not built here."""
    about = json.loads(manifest.read_text(encoding='utf-8'))
    about['reference'] = json.loads((SHIPPED / 'model.json').read_text(encoding='utf-8'))['reference']
    manifest.write_text(json.dumps(about), encoding='utf-8')


def test_images_of_a_drifted_camera_become_the_champion(work: Path, tmp_path: Path) -> None:
    pytest.importorskip('torch')
    write_captures(tmp_path / 'captures', 'drifted')
    assert loop.main(['adopt', '--work', str(work)]) == 0
    told = ['--work', str(work), '--source', str(tmp_path / 'captures'), '--champion', 'models:/digits@champion']
    assert loop.main([*STAGES, *told, *SHORT]) == 0
    assert len(list((work / 'reference').iterdir())) == 300
    use_reference_of_the_shipped_model(work / 'challenger' / 'model.json')
    assert loop.main(['register', *told]) == 0
    verdict = json.loads((work / 'verdict' / 'verdict.json').read_text(encoding='utf-8'))
    captured = verdict['groups']['slice captured']
    assert captured['challenger'] > captured['champion'] + 0.1
    assert loop.main(['promote', '--work', str(work)]) == 0
    assert loop.main(['promote', '--work', str(work), '--version', '1', '--failed', 'too late']) == 0


def test_wrong_labels_end_at_validation(work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_captures(tmp_path / 'captures', 'wrong-labels')
    told = ['--work', str(work), '--source', str(tmp_path / 'captures'), '--champion', str(SHIPPED)]
    assert loop.main([*STAGES, *told, *SHORT]) == 1
    assert capsys.readouterr().err.startswith('refused: the data is refused: agreement')
    assert not (work / 'challenger').exists()


def test_who_submitted_a_pipeline_gets_to_know_what_a_stage_refused(
    work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_captures(tmp_path / 'captures', 'wrong-labels')
    ours = ['--submission', 'ours']
    assert loop.main(['ingest', 'validate', *ours, '--work', str(work), '--source', str(tmp_path / 'captures')]) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert loop.main(['fetch', *ours, '--work', str(tmp_path / 'here')]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == said
    assert (tmp_path / 'here' / 'validation' / 'report.html').is_file()


@pytest.mark.parametrize('option', [['--samples', '100'], ['--epochs', '0'], ['--workers', 'two']])
def test_sizes_that_train_nothing_are_wrong_arguments(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match='2'):
        loop.main(['train', *option])
    assert 'is not a number of at least' in capsys.readouterr().err


def test_each_stage_says_which_one_is_missing_before_it(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for stage, missing in {
        'validate': 'ingest',
        'evaluate': 'train',
        'record': 'evaluate',
        'reference': 'validate',
        'register': 'record',
        'promote': 'register',
    }.items():
        assert loop.main([stage, '--work', str(work)]) == 1
        assert f'loop.py {missing}' in capsys.readouterr().err
