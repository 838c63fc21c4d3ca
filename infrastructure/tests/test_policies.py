"""The policies that Terraform makes, enforced: with them the work gets done, without any part of one it does not.

The service is dist/, built before. Models are uploaded by the script of the workflows; captures are read, and MLflow's
files kept, by TRAINING_PYTHON, as training and the server do. TERRAFORM and TF_PLUGIN_DIR are as in simulation.py.
"""

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import ClientError
from simulation import ACCOUNT, SOURCE, Account, Configuration

REPOSITORY = SOURCE.parent
DIGITS = REPOSITORY / 'service/models/digits'
PHOTO = DIGITS / 'golden/3-photo.jpg'
MODELS, DATA, RUNS = (f'cv-inference-dev-{kind}-{ACCOUNT}' for kind in ('models', 'data', 'mlflow'))
# A model without model.json: the service asks for files that are not there, and may not be told that they are not.
PLAIN = 'models/plain/1/model.onnx'
# What bears on policies; lifecycle rules and the database take minutes to make there.
TARGETS = (
    'module.storage.aws_kms_key.this',
    *(
        f'module.{bucket}.aws_s3_bucket{part}.this'
        for bucket in ('storage.module.models', 'storage.module.data', 'mlflow.module.artifacts')
        for part in ('', '_policy', '_server_side_encryption_configuration')
    ),
)
ROOT = f"""
provider "aws" {{}}

module "storage" {{
  source     = "../modules/storage"
  name       = "cv-inference-dev"
  account_id = "{ACCOUNT}"
}}

module "mlflow" {{
  source            = "../modules/mlflow"
  name              = "cv-inference-dev"
  account_id        = "{ACCOUNT}"
  subnet_ids        = ["subnet-1", "subnet-2"]
  security_group_id = "sg-1"
  instance_class    = "db.t4g.micro"
  multi_az          = false
  backup_days       = 1
}}

output "policies" {{
  value = {{
    service  = module.storage.service_policy
    release  = module.storage.release_policy
    training = module.storage.training_policy
    mlflow   = module.mlflow.server_policy
  }}
}}
"""
STORE = """
import sys
from pathlib import Path

from stages.store import open_store

store = open_store(sys.argv[1])
names = list(store.names('digits/1'))
gone = store.read('digits/1/removed-since.jpg', 100)
print([store.read(name, 100) for name in names], gone)
"""
FILES = """
import sys
from pathlib import Path

from mlflow.store.artifact.s3_artifact_repo import S3ArtifactRepository

repository, folder, step = S3ArtifactRepository(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
(folder / 'note.txt').write_text('kept')
if step == 'write':
    repository.log_artifact(str(folder / 'note.txt'), 'notes')
elif step == 'list':
    assert [one.path for one in repository.list_artifacts('notes')] == ['notes/note.txt']
elif step == 'read':
    assert Path(repository.download_artifacts('notes/note.txt', str(folder))).read_text() == 'kept'
else:
    repository.delete_artifacts('notes')
"""

Document = dict[str, Any]


@dataclass(frozen=True)
class Role:
    """Somebody with the policies of one name, and credentials of a session, as pods and jobs have them."""

    account: Account
    name: str
    environment: dict[str, str]

    def may(self, document: Document | None) -> None:
        """This and nothing else."""
        iam = self.account.client('iam')
        for policy in iam.list_role_policies(RoleName=self.name)['PolicyNames']:
            iam.delete_role_policy(RoleName=self.name, PolicyName=policy)
        if document is not None and document['Statement']:
            iam.put_role_policy(RoleName=self.name, PolicyName='own', PolicyDocument=json.dumps(document))

    def run(self, *command: str | Path, **more: str) -> tuple[bool, str]:
        """Whether the command went well, and what it said."""
        ended = subprocess.run(
            command,
            env={**bare_environment(), **self.environment, **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        return ended.returncode == 0, ended.stdout


def bare_environment() -> dict[str, str]:
    """Without anybody's credentials; the environment of the tests first, where the command line of AWS is."""
    path = f'{Path(sys.executable).parent}:{os.environ["PATH"]}'
    nowhere = {'AWS_CONFIG_FILE': os.devnull, 'AWS_SHARED_CREDENTIALS_FILE': os.devnull}
    return {'PATH': path, 'HOME': os.environ['HOME'], 'AWS_EC2_METADATA_DISABLED': 'true', **nowhere}


def reduced(document: Document) -> dict[str, Document]:
    """The policy without each action, each resource, and each statement, by the name of what is missing."""
    statements = document['Statement']
    without = {}
    for at, statement in enumerate(statements):
        others = [*statements[:at], *statements[at + 1 :]]
        without[statement['Sid']] = {**document, 'Statement': others}
        for field in ('Action', 'Resource'):
            if len(statement[field]) == 1:
                continue
            for one in statement[field]:
                less = {**statement, field: [each for each in statement[field] if each != one]}
                without[f'{statement["Sid"]} {one}'] = {**document, 'Statement': [*others, less]}
    return without


@pytest.fixture(scope='module')
def policies(tmp_path_factory: pytest.TempPathFactory, account: Account) -> dict[str, Document]:
    """As Terraform makes them. Then what there is to read is put there, and policies are enforced."""
    copy = tmp_path_factory.mktemp('copy') / 'infrastructure'
    shutil.copytree(SOURCE / 'modules', copy / 'modules', ignore=shutil.ignore_patterns('.terraform*', 'tests'))
    root = copy / 'root'
    root.mkdir()
    (root / 'main.tf').write_text(ROOT)
    terraform = Configuration(root, account)
    terraform.init()
    terraform.run('apply', '-no-color', '-input=false', '-auto-approve', *(f'-target={one}' for one in TARGETS))
    documents = terraform.shown()['values']['outputs']['policies']['value']

    s3 = account.client('s3')
    s3.put_object(Bucket=MODELS, Key=PLAIN, Body=(DIGITS / 'model.onnx').read_bytes())
    s3.put_object(Bucket=DATA, Key='captures/digits/1/2026-11-23/one.jpg', Body=b'an image')
    for bucket in (MODELS, DATA, RUNS):
        s3.put_object(Bucket=bucket, Key='elsewhere/file', Body=b'of somebody else')
    account.enforce()
    return {name: json.loads(document) for name, document in documents.items()}


@pytest.fixture(scope='module')
def role(account: Account, policies: dict[str, Document]) -> Callable[[str], Role]:
    """Makes a role without any policy."""
    trust = {'Effect': 'Allow', 'Principal': {'AWS': '*'}, 'Action': 'sts:AssumeRole'}

    def make(name: str) -> Role:
        unique = f'{name}-{uuid.uuid4().hex[:8]}'
        made = account.client('iam').create_role(
            RoleName=unique, AssumeRolePolicyDocument=json.dumps({'Version': '2012-10-17', 'Statement': [trust]})
        )
        session = account.client('sts').assume_role(RoleArn=made['Role']['Arn'], RoleSessionName='pod')['Credentials']
        environment = account.environment_of(
            session['AccessKeyId'], session['SecretAccessKey'], session['SessionToken']
        )
        return Role(account, unique, environment)

    return make


def refused(call: Callable[..., object], **arguments: object) -> str:
    """The code with which a call was refused."""
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return error.value.response['Error']['Code']


def test_policies_are_enforced_here(
    account: Account, policies: dict[str, Document], role: Callable[[str], Role]
) -> None:
    nobody = role('nobody')
    wanted = {'Bucket': MODELS, 'Key': PLAIN}
    assert refused(account.client('s3', nobody.environment).get_object, **wanted) == 'AccessDenied'
    nobody.may(policies['service'])
    assert account.client('s3', nobody.environment).get_object(**wanted)['ContentLength'] > 0

    wrong_key = {**nobody.environment, 'AWS_SECRET_ACCESS_KEY': 'wrong'}
    assert refused(account.client('s3', wrong_key).get_object, **wanted) == 'SignatureDoesNotMatch'
    unknown = account.environment_of('simulated', 'simulated')
    assert refused(account.client('s3', unknown).get_object, **wanted) == 'InvalidAccessKeyId'


class Service:
    """The built service, in a process of its own."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.log = folder / 'log'
        settings = {
            'MODEL_URI': f's3://{MODELS}/{PLAIN}',
            'MODEL_CACHE_DIR': str(folder / 'models'),
            'CAPTURE_TO': f's3://{DATA}/captures',
            'CAPTURE_SHARE': '1',
            'HOST': '127.0.0.1',
            'PORT': '0',
            'WORKERS': '1',
            'DECODE_CONCURRENCY': '1',
            'DRAIN_DELAY_MS': '0',
            'LOG_FORMAT': 'json',
        }
        with self.log.open('w') as log:
            self.process = subprocess.Popen(
                ['node', 'dist/service/main.js'],
                cwd=REPOSITORY,
                env={**bare_environment(), **settings, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def said(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.endswith('}')]

    def starts(self) -> bool:
        """Waits until it is ready, or has ended."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            ended = self.process.poll() is not None
            if any(line['msg'] == 'ready' for line in self.said()):
                return True
            if ended:
                return False
            time.sleep(0.05)
        raise AssertionError(f'neither ready nor ended: {self.log.read_text()}')

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> tuple[int, str]:
        (address,) = (line['address'] for line in self.said() if line['msg'] == 'listening')
        request = Request(f'{address}{path}', data=body, headers={k.replace('_', '-'): v for k, v in headers.items()})
        try:
            with urlopen(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    def predict(self, request_id: str) -> str:
        """The best label of a photo."""
        status, answer = self.ask('/predict', PHOTO.read_bytes(), x_request_id=request_id, content_type='image/jpeg')
        assert status == 200, answer
        return json.loads(answer)['predictions'][0]['label']

    def captures(self) -> bool:
        """Whether the one image that it was sent is kept, or dropped."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            counted = [line for line in self.ask('/metrics')[1].splitlines() if line.endswith(' 1')]
            if any(line.startswith('cv_capture_images_total') for line in counted):
                return True
            if any(line.startswith('cv_capture_dropped_total') for line in counted):
                return False
            time.sleep(0.05)
        raise AssertionError(f'neither kept nor dropped: {self.log.read_text()}')

    def judges(self, request_id: str, label: str) -> str:
        """The verdict on feedback, or the code of what is wrong."""
        body = json.dumps({'request_id': request_id, 'label': label}).encode()
        _, answer = self.ask('/feedback', body, content_type='application/json')
        return json.loads(answer).get('verdict') or json.loads(answer)['code']


@contextmanager
def service(folder: Path, environment: dict[str, str]) -> Iterator[Service]:
    folder.mkdir()
    running = Service(folder, environment)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()


@pytest.fixture(scope='module')
def kept(
    tmp_path_factory: pytest.TempPathFactory, policies: dict[str, Document], role: Callable[[str], Role]
) -> tuple[str, str]:
    """The id of an image that another pod has kept, and the label that it answered."""
    whole = role('another-pod')
    whole.may(policies['service'])
    request_id = uuid.uuid4().hex
    with service(tmp_path_factory.mktemp('pod') / 'run', whole.environment) as pod:
        assert pod.starts(), pod.log.read_text()
        label = pod.predict(request_id)
        assert pod.captures(), pod.log.read_text()
    return request_id, label


DOES_NOT_START = 'does not start'
SERVICE = {
    'nothing': (True, 'correct'),
    'ReadModels': DOES_NOT_START,
    'WriteCaptures': (False, 'STORAGE_UNAVAILABLE'),
    'WriteCaptures s3:GetObject': (True, 'unknown'),
    'WriteCaptures s3:PutObject': (False, 'STORAGE_UNAVAILABLE'),
    'UseKey': DOES_NOT_START,
    'UseKey kms:Decrypt': DOES_NOT_START,
    'UseKey kms:GenerateDataKey': (False, 'STORAGE_UNAVAILABLE'),
}


@pytest.mark.parametrize(('missing', 'outcome'), SERVICE.items())
def test_the_service_needs_all_of_its_policy(
    tmp_path: Path,
    policies: dict[str, Document],
    role: Callable[[str], Role],
    kept: tuple[str, str],
    missing: str,
    outcome: object,
) -> None:
    """Whether it keeps what it is sent, and its verdict on what another pod has answered."""
    pod = role('service')
    pod.may({**reduced(policies['service']), 'nothing': policies['service']}[missing])
    with service(tmp_path / 'run', pod.environment) as running:
        if not running.starts():
            assert outcome == DOES_NOT_START, running.log.read_text()
            assert running.process.wait() == 1
            (fatal,) = (line for line in running.said() if line['level'] == 'fatal')
            assert 'denies access; allow s3:GetObject' in fatal['msg']
            return
        assert running.predict(uuid.uuid4().hex)
        assert (running.captures(), running.judges(*kept)) == outcome
        assert running.predict(uuid.uuid4().hex)
        assert any('AccessDenied' in line.get('reason', '') for line in running.said()) == (not outcome[0])


class Uploads:
    """Versions of a model, each under a name of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        manifest = {'name': 'digits', 'version': uuid.uuid4().hex, 'file': 'model.onnx'}
        (folder / 'model.json').write_text(json.dumps(manifest))
        (folder / 'model.onnx').write_bytes(b'a model')

    def by(self, who: Role) -> bool:
        return who.run(REPOSITORY / '.github/scripts/upload-model', self.folder, f's3://{MODELS}/models')[0]


UPLOADS = {
    'nothing': (True, True),
    'WriteModels': (False, False),
    'WriteModels s3:PutObject': (False, False),
    'WriteModels s3:GetObject': (True, False),
    'UseKey': (False, False),
    'UseKey kms:GenerateDataKey': (False, False),
    'UseKey kms:Decrypt': (True, False),
}


@pytest.mark.parametrize(('missing', 'outcome'), UPLOADS.items())
def test_release_needs_all_of_its_policy(
    tmp_path: Path, policies: dict[str, Document], role: Callable[[str], Role], missing: str, outcome: tuple[bool, bool]
) -> None:
    """Whether a model is uploaded, and found to be the same when it is there already."""
    job = role('release')
    job.may({**reduced(policies['release']), 'nothing': policies['release']}[missing])
    model = Uploads(tmp_path / 'model')
    assert (model.by(job), model.by(job)) == outcome


TRAINING = {
    **{missing: (missing != 'UseKey' and 'Decrypt' not in missing, *outcome) for missing, outcome in UPLOADS.items()},
    'ReadCaptures': (False, True, True),
    'ListCaptures': (False, True, True),
}


@pytest.mark.parametrize(('missing', 'outcome'), TRAINING.items())
def test_training_needs_all_of_its_policy(
    tmp_path: Path, policies: dict[str, Document], role: Callable[[str], Role], missing: str, outcome: tuple[bool, ...]
) -> None:
    """Whether captures are read, and one that was removed meanwhile is missed; then as for a release."""
    job = role('training')
    job.may({**reduced(policies['training']), 'nothing': policies['training']}[missing])
    model = Uploads(tmp_path / 'model')
    read, said = job.run(
        os.environ['TRAINING_PYTHON'], '-c', STORE, f's3://{DATA}/captures', PYTHONPATH=str(REPOSITORY / 'training')
    )
    assert (read, model.by(job), model.by(job)) == outcome, said
    assert said.strip() == "[b'an image'] None" if read else 'AccessDenied' in said


MLFLOW = {
    'nothing': {'write', 'list', 'read', 'delete'},
    'KeepFiles': {'list'},
    'KeepFiles s3:PutObject': {'list', 'read', 'delete'},
    'KeepFiles s3:GetObject': {'write', 'list', 'delete'},
    'KeepFiles s3:DeleteObject': {'write', 'list', 'read'},
    'ListFiles': {'write'},
}


@pytest.mark.parametrize(('missing', 'possible'), MLFLOW.items())
def test_mlflow_needs_all_of_its_policy(
    tmp_path: Path,
    account: Account,
    policies: dict[str, Document],
    role: Callable[[str], Role],
    missing: str,
    possible: set[str],
) -> None:
    server = role('mlflow')
    server.may({**reduced(policies['mlflow']), 'nothing': policies['mlflow']}[missing])
    run, s3 = f'mlflow/{uuid.uuid4().hex}', account.client('s3')
    s3.put_object(Bucket=RUNS, Key=f'{run}/notes/note.txt', Body=b'kept')
    said = {
        step: server.run(os.environ['TRAINING_PYTHON'], '-c', FILES, f's3://{RUNS}/{run}', tmp_path, step)
        for step in ('write', 'list', 'read', 'delete')
    }
    # S3 refuses files one by one, and MLflow does not look.
    deleted = s3.list_objects_v2(Bucket=RUNS, Prefix=run)['KeyCount'] == 0
    done = {step for step, (went_well, _) in said.items() if went_well and (step != 'delete' or deleted)}
    assert done == possible, said
    assert all('AccessDenied' in text or '403' in text for went_well, text in said.values() if not went_well), said


def test_nothing_of_a_policy_was_left_out_above(policies: dict[str, Document]) -> None:
    for name, tried in (('service', SERVICE), ('release', UPLOADS), ('training', TRAINING), ('mlflow', MLFLOW)):
        assert tried.keys() == {'nothing', *reduced(policies[name])}, name


def test_nobody_reaches_beyond_their_own(
    account: Account, policies: dict[str, Document], role: Callable[[str], Role]
) -> None:
    calls = {
        'service': [
            ('get_object', {'Bucket': MODELS, 'Key': 'elsewhere/file'}),
            ('put_object', {'Bucket': MODELS, 'Key': PLAIN, 'Body': b''}),
            ('list_objects_v2', {'Bucket': MODELS, 'Prefix': 'models/'}),
            ('list_objects_v2', {'Bucket': DATA, 'Prefix': 'captures/'}),
            ('get_object', {'Bucket': DATA, 'Key': 'elsewhere/file'}),
            ('delete_object', {'Bucket': DATA, 'Key': 'captures/digits/1/2026-11-23/one.jpg'}),
            ('get_object', {'Bucket': RUNS, 'Key': 'elsewhere/file'}),
        ],
        'release': [
            ('delete_object', {'Bucket': MODELS, 'Key': PLAIN}),
            ('put_object', {'Bucket': MODELS, 'Key': 'elsewhere/file', 'Body': b''}),
            ('list_objects_v2', {'Bucket': DATA, 'Prefix': 'captures/'}),
            ('get_object', {'Bucket': DATA, 'Key': 'captures/digits/1/2026-11-23/one.jpg'}),
        ],
        'training': [
            ('delete_object', {'Bucket': MODELS, 'Key': PLAIN}),
            ('delete_object', {'Bucket': DATA, 'Key': 'captures/digits/1/2026-11-23/one.jpg'}),
            ('put_object', {'Bucket': DATA, 'Key': 'captures/digits/1/2026-11-23/two.jpg', 'Body': b''}),
            ('get_object', {'Bucket': DATA, 'Key': 'elsewhere/file'}),
            ('get_object', {'Bucket': RUNS, 'Key': 'elsewhere/file'}),
        ],
        'mlflow': [
            ('get_object', {'Bucket': RUNS, 'Key': 'elsewhere/file'}),
            ('list_objects_v2', {'Bucket': RUNS, 'Prefix': 'elsewhere/'}),
            ('list_objects_v2', {'Bucket': RUNS}),
            ('get_object', {'Bucket': MODELS, 'Key': PLAIN}),
        ],
    }
    for name, beyond in calls.items():
        somebody = role(name)
        somebody.may(policies[name])
        s3 = account.client('s3', somebody.environment)
        for call, arguments in beyond:
            assert refused(getattr(s3, call), **arguments) == 'AccessDenied', (name, call, arguments)
