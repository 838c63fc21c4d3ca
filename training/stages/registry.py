"""Stages 5 and 7: the run in MLflow's tracking, the model in its registry, and its aliases.

MLFLOW_TRACKING_URI says where: an http(s) server, or `sqlite:///file` without one. Of such a file,
MLFLOW_DEFAULT_ARTIFACT_ROOT (a folder's file:// or s3://bucket/prefix) says where models go; a server knows.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import yaml

os.environ.setdefault('MLFLOW_DISABLE_TELEMETRY', 'true')

from mlflow.artifacts import download_artifacts
from mlflow.entities import Metric, Param, Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from evaluate import format_confusion
from stages.champion import champion_folder, check_whole, read_about
from stages.gate import refusal
from stages.settings import Refusal, Settings, read_json, sha256_of, write_json

CHAMPION, CHALLENGER = 'champion', 'challenger'
MOST_REASON = 1000
"""Characters of a reason that is kept as a tag."""
MODEL_URI = re.compile(r'models:/([^/@]+)(?:@([\w.-]+)|/(\d+))')


def record(settings: Settings) -> None:
    """The run, and the files of a challenger that passed the gate; a Refusal where it did not."""
    verdict = read_json(settings.verdict / 'verdict.json', 'evaluate')
    about = read_about(settings.challenger)
    if verdict['challenger']['digest'] != f'sha256:{about["sha256"]}':
        raise Refusal('the verdict is of another model: run `loop.py evaluate` again')
    settings.recorded.unlink(missing_ok=True)
    settings.registered.unlink(missing_ok=True)
    client = open_client(settings)
    with _run(client, settings, f'{settings.model} {about["version"]}') as run:
        _log(client, run.info.run_id, settings, verdict)
        client.set_tag(run.info.run_id, 'verdict', 'passed' if verdict['passed'] else 'refused')
        if not verdict['passed']:
            _set_refused(client, run, refusal(verdict))
            raise Refusal(f'the gate refused this challenger: it is recorded as run {run.info.run_id}, not registered')
        client.log_artifacts(run.info.run_id, str(settings.challenger), 'model')
    _write_recorded(settings, run)
    print(f'{settings.model} {about["version"]} is recorded as run {run.info.run_id}')


def record_refusal(settings: Settings, reason: str) -> None:
    """A run of a submission that ended before the gate, with the report of validation where there is one."""
    client = open_client(settings)
    with contextlib.suppress(Refusal), _run(client, settings, f'{settings.model}, refused') as run:
        _set_refused(client, run, reason)
        if settings.validation.exists():
            client.log_artifacts(run.info.run_id, str(settings.validation), 'validation')
        raise Refusal(reason)


def _set_refused(client: MlflowClient, run: Run, reason: str) -> None:
    client.set_tag(run.info.run_id, 'refused', reason[:MOST_REASON])


def register(settings: Settings) -> None:
    """The recorded challenger becomes a version with the alias `challenger`; a Refusal where it has no reference.

    Once for each run: a version's files are those of its run, and would change under it.
    """
    recorded = read_json(settings.recorded, 'record')
    about = read_about(settings.challenger)
    if recorded['sha256'] != about['sha256']:
        raise Refusal('another model was recorded: run `loop.py record` again')
    if 'reference' not in about:
        command = f'cv-inference reference {settings.challenger} {settings.reference} --write'
        raise Refusal(f'nothing would measure drift of this challenger: run `{command}` first')
    client = open_client(settings)
    run = client.get_run(recorded['run'])
    if 'version' in run.data.tags:
        raise Refusal(f'run {run.info.run_id} is version {run.data.tags["version"]} of {settings.model} already')
    version = _register(client, settings.model, settings.challenger, run)
    client.set_registered_model_alias(settings.model, CHALLENGER, version.version)
    client.set_tag(run.info.run_id, 'version', version.version)
    told = {'model': settings.model, 'version': version.version, 'digest': f'sha256:{about["sha256"]}'}
    write_json(settings.registered, told)
    print(f'{settings.model} version {version.version} ({about["version"]}) is the challenger')


def adopt(settings: Settings) -> None:
    """Registers the champion's folder as the champion; a Refusal where the registry has one."""
    client = open_client(settings)
    if _by_alias(client, settings.model, CHAMPION):
        raise Refusal(f'{settings.model} has a champion already')
    folder = champion_folder(settings)
    with _run(client, settings, f'{settings.model} {read_about(folder)["version"]}, adopted') as run:
        version = _register(client, settings.model, folder, run)
    client.set_registered_model_alias(settings.model, CHAMPION, version.version)
    print(f'{settings.model} version {version.version} is the champion')


def promote(settings: Settings) -> None:
    """The challenger has served well: it becomes the champion."""
    client = open_client(settings)
    version, tags = _version(client, settings)
    if tags.get('status') == 'failed':
        raise Refusal(f'{settings.model} version {version} is marked as failed')
    client.set_registered_model_alias(settings.model, CHAMPION, version)
    client.set_model_version_tag(settings.model, version, 'status', 'promoted')
    _drop_challenger(client, settings.model, version)
    print(f'{settings.model} version {version} is the champion')


def mark_failed(settings: Settings, reason: str) -> None:
    """The challenger has not held: it is marked, and the champion stays what it is."""
    client = open_client(settings)
    version, _ = _version(client, settings)
    client.set_model_version_tag(settings.model, version, 'status', 'failed')
    client.set_model_version_tag(settings.model, version, 'reason', reason[:MOST_REASON])
    _drop_challenger(client, settings.model, version)
    print(f'{settings.model} version {version} is marked as failed: {reason}')


def fetch(settings: Settings) -> None:
    """What a submission has recorded, where the stages would leave it; a Refusal where one of them refused."""
    client = open_client(settings)
    run = _submitted(client, settings)
    settings.recorded.unlink(missing_ok=True)
    shutil.rmtree(settings.challenger, ignore_errors=True)
    for folder in {each.path for each in client.list_artifacts(run.info.run_id)} & {'validation', 'verdict'}:
        _artifacts(run, folder, settings.work)
    if 'refused' in run.data.tags:
        raise Refusal(run.data.tags['refused'])
    with tempfile.TemporaryDirectory(dir=settings.work) as incoming:
        shutil.move(_artifacts(run, 'model', incoming), settings.challenger)
    check_whole(settings.challenger, f'the challenger of run {run.info.run_id}')
    _write_recorded(settings, run)
    print(f'{settings.model} {read_about(settings.challenger)["version"]} is in {settings.challenger}')


def _submitted(client: MlflowClient, settings: Settings) -> Run:
    """The newest run of a submission: it has passed, or says why it was refused."""
    experiment = client.get_experiment_by_name(settings.model)
    own = f"tags.submission = '{settings.submission}'"
    newest_first = ['attributes.start_time DESC']
    runs = client.search_runs([experiment.experiment_id], own, 1, 1, newest_first) if experiment else []
    if not runs or (runs[0].info.status != 'FINISHED' and 'refused' not in runs[0].data.tags):
        raise LookupError(f'submission {settings.submission!r} of {settings.model} has not come to its end')
    return runs[0]


def _artifacts(run: Run, name: str, into: str | Path) -> str:
    return download_artifacts(run_id=run.info.run_id, artifact_path=name, dst_path=str(into))


def _write_recorded(settings: Settings, run: Run) -> None:
    write_json(settings.recorded, {'run': run.info.run_id, 'sha256': read_about(settings.challenger)['sha256']})


def download(settings: Settings, uri: str, folder: Path) -> Path:
    """The model that `models:/NAME@ALIAS` or `models:/NAME/VERSION` names, in `folder`: whole, and as registered."""
    version = _wanted(open_client(settings), uri)
    wanted, manifest = version.tags.get('manifest_sha256'), folder / 'model.json'
    if not manifest.is_file() or sha256_of(manifest.read_bytes()) != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=settings.work) as incoming:
            shutil.move(download_artifacts(artifact_uri=version.source, dst_path=incoming), folder)
    if wanted and sha256_of(manifest.read_bytes()) != wanted:
        raise Refusal(f'{uri} is not what was registered: its model.json has another digest')
    return folder


def _wanted(client: MlflowClient, uri: str) -> ModelVersion:
    match = MODEL_URI.fullmatch(uri)
    if not match:
        raise Refusal(f'{uri} is not models:/NAME@ALIAS or models:/NAME/VERSION')
    name, alias, number = match.groups()
    version = _by_alias(client, name, alias) if alias else _by_number(client, name, number)
    if version is None:
        raise Refusal(f'the registry has no {uri}: `loop.py adopt` makes the first champion')
    return version


def open_client(settings: Settings) -> MlflowClient:
    """Of MLFLOW_TRACKING_URI; without one, of a SQLite file in the folder of the run."""
    default = f'sqlite:///{(settings.work / "mlflow.db").resolve()}'
    uri = os.environ.setdefault('MLFLOW_TRACKING_URI', default)
    settings.work.mkdir(parents=True, exist_ok=True)
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


@contextlib.contextmanager
def _run(client: MlflowClient, settings: Settings, name: str) -> Iterator[Run]:
    """A new run, which has failed where something is raised within."""
    experiment = client.get_experiment_by_name(settings.model)
    number = experiment.experiment_id if experiment else _create_experiment(client, settings)
    tags = {'submission': settings.submission} if settings.submission else {}
    run = client.create_run(number, run_name=name, tags=tags)
    try:
        yield run
    except BaseException:
        client.set_terminated(run.info.run_id, 'FAILED')
        raise
    client.set_terminated(run.info.run_id)


def _create_experiment(client: MlflowClient, settings: Settings) -> str:
    if client.tracking_uri.startswith('http'):
        return client.create_experiment(settings.model)
    own = (settings.work / 'mlflow-artifacts').resolve().as_uri()
    return client.create_experiment(settings.model, os.environ.get('MLFLOW_DEFAULT_ARTIFACT_ROOT', own))


def _log(client: MlflowClient, run: str, settings: Settings, verdict: dict[str, Any]) -> None:
    """Parameters, curves, figures by class and slice, confusion matrix, failures, data and its validation."""
    told = read_json(settings.training / 'training.json', 'train')
    parameters = [Param(name, str(value)) for name, value in told['parameters'].items()]
    metrics = [Metric('loss', loss, 0, step) for step, loss in enumerate(told['loss'], 1)]
    metrics += [
        Metric('accuracy_champion', verdict['accuracy'][0], 0, 0),
        Metric('accuracy', verdict['accuracy'][1], 0, 0),
    ]
    for name, each in verdict['groups'].items():
        metrics.append(Metric(f'accuracy_{name.replace(" ", "_")}', each['challenger'], 0, 0))
    client.log_batch(run, metrics, parameters)
    client.log_text(run, format_confusion(np.array(verdict['confusion_matrix'])), 'confusion_matrix.txt')
    client.log_artifacts(run, str(settings.verdict), 'verdict')
    client.log_artifacts(run, str(settings.validation), 'validation')
    client.log_artifact(run, str(settings.data / 'manifest.json'), 'data')


def _register(client: MlflowClient, name: str, folder: Path, run: Run) -> ModelVersion:
    """Files and version; the digests that identify the model travel with the version."""
    about = read_about(folder)
    client.log_artifacts(run.info.run_id, str(folder), 'model')
    client.log_text(run.info.run_id, _mlmodel(folder, run.info.run_id), 'model/MLmodel')
    # Whoever else made it first has made the same.
    with contextlib.suppress(MlflowException):
        client.create_registered_model(name)
    tags = {
        'digest': f'sha256:{about["sha256"]}',
        'manifest_sha256': sha256_of((folder / 'model.json').read_bytes()),
        'model_version': about['version'],
    }
    return client.create_model_version(name, f'{run.info.artifact_uri}/model', run.info.run_id, tags)


def _mlmodel(folder: Path, run: str) -> str:
    """MLflow's description: its ONNX flavour, and the signature by the ONNX file."""
    about = read_about(folder)
    graph = onnx.load(folder / about['file'], load_external_data=False).graph
    flavour = {'data': about['file'], 'onnx_version': onnx.__version__, 'providers': ['CPUExecutionProvider']}
    function = {'loader_module': 'mlflow.onnx', 'data': about['file'], 'env': {}}
    signature = {'inputs': _tensors(graph.input), 'outputs': _tensors(graph.output), 'params': None}
    body = {
        'artifact_path': 'model',
        'flavors': {'onnx': flavour, 'python_function': function},
        'run_id': run,
        'signature': signature,
    }
    return yaml.safe_dump(body, sort_keys=False)


def _tensors(values: Iterable[onnx.ValueInfoProto]) -> str:
    """MLflow's tensor specifications of ONNX inputs or outputs, as JSON; -1 for a free dimension."""
    specs = []
    for value in values:
        kind = value.type.tensor_type
        dtype = str(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type))
        shape = [-1 if each.dim_param else each.dim_value for each in kind.shape.dim]
        specs.append({'name': value.name, 'type': 'tensor', 'tensor-spec': {'dtype': dtype, 'shape': shape}})
    return json.dumps(specs)


def _version(client: MlflowClient, settings: Settings) -> tuple[str, dict[str, str]]:
    """Number and tags of the version of --version; else of the one that `register` made in this folder."""
    number = settings.version or str(read_json(settings.registered, 'register')['version'])
    version = _by_number(client, settings.model, number)
    if version is None:
        raise Refusal(f'the registry has no version {number} of {settings.model}')
    return number, dict(version.tags)


def _by_number(client: MlflowClient, name: str, number: str) -> ModelVersion | None:
    with _none_where_absent():
        return client.get_model_version(name, number)


def _by_alias(client: MlflowClient, name: str, alias: str) -> ModelVersion | None:
    with _none_where_absent():
        return client.get_model_version_by_alias(name, alias)


@contextlib.contextmanager
def _none_where_absent() -> Iterator[None]:
    """Ends the block where the registry has not what was asked for; another fault is raised."""
    try:
        yield
    except MlflowException as error:
        if error.error_code not in ('RESOURCE_DOES_NOT_EXIST', 'INVALID_PARAMETER_VALUE'):
            raise


def _drop_challenger(client: MlflowClient, name: str, version: str) -> None:
    """Unless the alias is another version's by now."""
    challenger = _by_alias(client, name, CHALLENGER)
    if challenger and str(challenger.version) == version:
        client.delete_registered_model_alias(name, CHALLENGER)
