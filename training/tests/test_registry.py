import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from export import sha256
from stages.champion import champion_folder
from stages.registry import (
    CHALLENGER,
    CHAMPION,
    adopt,
    fetch,
    mark_failed,
    open_client,
    promote,
    record,
    record_refusal,
    register,
)
from stages.settings import SHIPPED, Refusal, Settings, sha256_of, write_json


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """What the stages before have left, of the shipped model as a challenger that passed; a database of its own."""
    monkeypatch.setenv('MLFLOW_TRACKING_URI', f'sqlite:///{tmp_path / "mlflow.db"}')
    made = Settings(work=tmp_path / 'work')
    made.work.mkdir()
    shutil.copytree(SHIPPED, made.challenger)
    write_json(made.data / 'manifest.json', {'images': []})
    write_json(made.validation / 'validation.json', {})
    write_json(made.training / 'training.json', {'parameters': {'seed': 7, 'epochs': 2}, 'loss': [0.9, 0.4]})
    judged(made, passed=True)
    return made


def judged(settings: Settings, *, passed: bool) -> None:
    verdict = {
        'passed': passed,
        'challenger': {'digest': f'sha256:{sha256(SHIPPED / "model.onnx")}'},
        'accuracy': [0.9, 0.95],
        'groups': {'slice small': {'challenger': 0.8}},
        'confusion_matrix': [[1] * 10] * 10,
        'rules': [{'name': 'better', 'passed': passed, 'says': 'by 0 %'}, {'name': 'size', 'passed': True, 'says': ''}],
    }
    write_json(settings.verdict / 'verdict.json', verdict)


def make_version(settings: Settings) -> None:
    record(settings)
    register(settings)


def aliases(settings: Settings) -> dict[str, str]:
    return {
        name: str(version) for name, version in open_client(settings).get_registered_model('digits').aliases.items()
    }


def test_a_challenger_that_passed_becomes_a_version_whose_digests_travel_with_it(settings: Settings) -> None:
    make_version(settings)
    version = open_client(settings).get_model_version_by_alias('digits', CHALLENGER)
    assert version.tags['digest'] == f'sha256:{sha256(SHIPPED / "model.onnx")}'
    assert version.tags['manifest_sha256'] == sha256_of((SHIPPED / 'model.json').read_bytes())
    assert json.loads(settings.registered.read_text(encoding='utf-8'))['version'] == version.version


def test_the_run_has_parameters_curve_figures_verdict_and_signature(settings: Settings) -> None:
    make_version(settings)
    client = open_client(settings)
    run = client.get_run(client.get_model_version_by_alias('digits', CHALLENGER).run_id)
    assert run.data.params == {'seed': '7', 'epochs': '2'}
    assert [each.value for each in client.get_metric_history(run.info.run_id, 'loss')] == [0.9, 0.4]
    assert run.data.metrics['accuracy_slice_small'] == 0.8
    files = {each.path for each in client.list_artifacts(run.info.run_id)}
    assert files == {'confusion_matrix.txt', 'data', 'model', 'validation', 'verdict'}
    model = yaml.safe_load(
        Path(client.download_artifacts(run.info.run_id, 'model/MLmodel')).read_text(encoding='utf-8')
    )
    (image,) = json.loads(model['signature']['inputs'])
    assert image == {'name': 'image', 'type': 'tensor', 'tensor-spec': {'dtype': 'float32', 'shape': [-1, 1, 40, 40]}}


def test_a_challenger_that_was_refused_is_recorded_but_no_version(settings: Settings) -> None:
    judged(settings, passed=False)
    with pytest.raises(Refusal, match='recorded as run'):
        record(settings)
    client = open_client(settings)
    assert client.search_registered_models() == []
    (run,) = client.search_runs([client.get_experiment_by_name('digits').experiment_id])
    assert (run.info.status, run.data.tags['verdict']) == ('FAILED', 'refused')


def test_a_verdict_of_another_model_registers_nothing(settings: Settings) -> None:
    verdict = json.loads((settings.verdict / 'verdict.json').read_text(encoding='utf-8'))
    write_json(settings.verdict / 'verdict.json', {**verdict, 'challenger': {'digest': 'sha256:0'}})
    with pytest.raises(Refusal, match='another model'):
        record(settings)


def test_the_champion_is_adopted_once_and_then_promoted(settings: Settings) -> None:
    adopt(settings)
    with pytest.raises(Refusal, match='a champion already'):
        adopt(settings)
    make_version(settings)
    assert aliases(settings) == {CHAMPION: '1', CHALLENGER: '2'}
    promote(settings)
    assert aliases(settings) == {CHAMPION: '2'}


def test_a_version_that_did_not_hold_is_marked_and_the_champion_stays(settings: Settings) -> None:
    adopt(settings)
    make_version(settings)
    mark_failed(settings, 'error rate of the canary')
    assert aliases(settings) == {CHAMPION: '1'}
    assert open_client(settings).get_model_version('digits', '2').tags['reason'] == 'error rate of the canary'
    with pytest.raises(Refusal, match='marked as failed'):
        promote(settings)


def test_promoting_a_version_leaves_a_later_challenger_alone(settings: Settings) -> None:
    adopt(settings)
    make_version(settings)
    make_version(settings)
    promote(Settings(work=settings.work, version='2'))
    assert aliases(settings) == {CHAMPION: '2', CHALLENGER: '3'}


def test_a_version_that_is_not_there_is_neither_promoted_nor_marked(settings: Settings) -> None:
    adopt(settings)
    absent = Settings(work=settings.work, version='9')
    for act in (lambda: promote(absent), lambda: mark_failed(absent, 'reason')):
        with pytest.raises(Refusal, match='has no version 9 of digits'):
            act()
    assert aliases(settings) == {CHAMPION: '1'}


def test_a_run_whose_files_cannot_be_kept_has_failed_and_makes_no_version(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError('no space left on device')

    monkeypatch.setattr('mlflow.tracking.MlflowClient.log_artifacts', refuse)
    with pytest.raises(OSError, match='no space'):
        record(settings)
    client = open_client(settings)
    (run,) = client.search_runs([client.get_experiment_by_name('digits').experiment_id])
    assert run.info.status == 'FAILED'
    assert client.search_registered_models() == []


def test_what_was_registered_before_is_not_promoted_after_a_refusal(settings: Settings) -> None:
    make_version(settings)
    judged(settings, passed=False)
    with pytest.raises(Refusal, match='recorded as run'):
        record(settings)
    with pytest.raises(Refusal, match=r'run `loop\.py register` first'):
        promote(settings)


def test_the_champion_comes_whole_out_of_the_registry(settings: Settings) -> None:
    adopt(settings)
    folder = champion_folder(Settings(work=settings.work, champion='models:/digits@champion'))
    for path in SHIPPED.rglob('*'):
        if path.is_file():
            assert (folder / path.relative_to(SHIPPED)).read_bytes() == path.read_bytes()


def submitted(settings: Settings, name: str) -> Settings:
    return replace(settings, submission=name)


def test_a_challenger_is_fetched_with_its_verdict_where_a_pipeline_has_recorded_it(
    settings: Settings, tmp_path: Path
) -> None:
    record(submitted(settings, 'ours'))
    here = Settings(work=tmp_path / 'here', submission='ours')
    fetch(here)
    assert (here.challenger / 'model.onnx').read_bytes() == (SHIPPED / 'model.onnx').read_bytes()
    assert (here.verdict / 'verdict.json').read_bytes() == (settings.verdict / 'verdict.json').read_bytes()
    register(here)
    assert aliases(settings) == {CHALLENGER: '1'}


def test_what_another_pipeline_has_recorded_meanwhile_is_not_fetched(settings: Settings, tmp_path: Path) -> None:
    record(submitted(settings, 'ours'))
    ours = json.loads(settings.recorded.read_text(encoding='utf-8'))['run']
    record(submitted(settings, 'theirs'))
    here = Settings(work=tmp_path / 'here', submission='ours')
    fetch(here)
    assert json.loads(here.recorded.read_text(encoding='utf-8'))['run'] == ours


def test_a_challenger_that_a_pipeline_has_refused_is_a_verdict_and_a_reason(settings: Settings, tmp_path: Path) -> None:
    judged(settings, passed=False)
    with pytest.raises(Refusal, match='recorded as run'):
        record(submitted(settings, 'ours'))
    here = Settings(work=tmp_path / 'here', submission='ours')
    with pytest.raises(Refusal, match='the challenger is refused: better: by 0 %'):
        fetch(here)
    assert (here.verdict / 'verdict.json').is_file()
    assert not here.challenger.exists()


def test_data_that_a_pipeline_has_refused_is_a_report_and_a_reason(settings: Settings, tmp_path: Path) -> None:
    record_refusal(submitted(settings, 'ours'), 'the data is refused: balance')
    here = Settings(work=tmp_path / 'here', submission='ours')
    with pytest.raises(Refusal, match='the data is refused: balance'):
        fetch(here)
    assert (here.validation / 'validation.json').is_file()


def test_a_pipeline_that_has_recorded_nothing_has_failed_not_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LookupError, match='has not come to its end'):
        fetch(submitted(settings, 'ours'))
    monkeypatch.setattr('mlflow.tracking.MlflowClient.log_artifacts', lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        record(submitted(settings, 'ours'))
    with pytest.raises(LookupError, match='has not come to its end'):
        fetch(submitted(settings, 'ours'))


def change_manifest(settings: Settings, change: dict[str, object], without: str = '') -> None:
    about = {**json.loads((SHIPPED / 'model.json').read_text(encoding='utf-8')), **change}
    about.pop(without, None)
    write_json(settings.challenger / 'model.json', about)


def test_what_the_service_adds_to_a_recorded_challenger_travels_with_the_version(settings: Settings) -> None:
    change_manifest(settings, {}, without='reference')
    record(settings)
    with pytest.raises(Refusal, match=r'run `cv-inference reference \S+/challenger \S+/reference --write` first'):
        register(settings)
    change_manifest(settings, {})
    register(settings)
    folder = champion_folder(Settings(work=settings.work / 'other', champion='models:/digits@challenger'))
    assert (folder / 'model.json').read_bytes() == (settings.challenger / 'model.json').read_bytes()


def test_a_run_is_one_version_whose_files_nothing_changes(settings: Settings) -> None:
    settings = submitted(settings, 'ours')
    make_version(settings)
    fetch(settings)
    change_manifest(settings, {'version': '9.9.9'})
    with pytest.raises(Refusal, match='is version 1 of digits already'):
        register(settings)
    champion_folder(Settings(work=settings.work / 'other', champion='models:/digits@challenger'))


def test_a_challenger_that_was_not_recorded_is_no_version(settings: Settings) -> None:
    record(settings)
    change_manifest(settings, {'sha256': '0' * 64})
    with pytest.raises(Refusal, match='another model was recorded'):
        register(settings)
    assert open_client(settings).search_registered_models() == []


def test_a_champion_that_was_changed_in_the_store_is_refused(settings: Settings) -> None:
    adopt(settings)
    stored = next((settings.work / 'mlflow-artifacts').rglob('model.json'))
    about = json.loads(stored.read_text(encoding='utf-8'))
    stored.write_text(json.dumps({**about, 'version': '9.9.9'}), encoding='utf-8')
    with pytest.raises(Refusal, match='another digest'):
        champion_folder(Settings(work=settings.work, champion='models:/digits@champion'))


@pytest.mark.parametrize(
    ('uri', 'says'),
    [('models:/digits@champion', 'adopt'), ('models:/digits/9', 'has no'), ('models:/digits', 'is not models:/')],
)
def test_a_champion_that_is_not_in_the_registry_is_refused(settings: Settings, uri: str, says: str) -> None:
    with pytest.raises(Refusal, match=says):
        champion_folder(Settings(work=settings.work, champion=uri))
