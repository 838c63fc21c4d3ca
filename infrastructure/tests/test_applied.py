"""Bootstrap and dev applied to a simulated AWS, in the order of README.md, killed, planned again, locked, destroyed.

TERRAFORM is the program, TF_PLUGIN_DIR the folder of its provider. Tests follow each other: each stands on what the one
before it has left.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import ClientError

SOURCE = Path(__file__).parent.parent
ACCOUNT = '123456789012'
REGION = 'eu-central-1'
STATE_BUCKET = f'cv-inference-state-{ACCOUNT}'
STATE, LOCK = 'dev/terraform.tfstate', 'dev/terraform.tfstate.tflock'
VARIABLES = ('-var=github_repository=owner/name',)
BACKEND = (
    f'-backend-config=bucket={STATE_BUCKET}',
    f'-backend-config=region={REGION}',
    '-backend-config=use_path_style=true',
)
LOCAL = 'terraform {\n  backend "local" {}\n}\n'
DATABASE = 'module.platform.module.mlflow.aws_db_instance.this'
TAGS = {'Project': 'cv-inference', 'ManagedBy': 'terraform'}

# What there is in an account: service, call, key of its answer, and what tells one from another.
INVENTORY = (
    ('ec2', 'describe_vpcs', 'Vpcs', 'VpcId'),
    ('ec2', 'describe_subnets', 'Subnets', 'SubnetId'),
    ('ec2', 'describe_route_tables', 'RouteTables', 'RouteTableId'),
    ('ec2', 'describe_internet_gateways', 'InternetGateways', 'InternetGatewayId'),
    ('ec2', 'describe_addresses', 'Addresses', 'AllocationId'),
    ('ec2', 'describe_security_groups', 'SecurityGroups', 'GroupId'),
    ('ec2', 'describe_security_group_rules', 'SecurityGroupRules', 'SecurityGroupRuleId'),
    ('ec2', 'describe_flow_logs', 'FlowLogs', 'FlowLogId'),
    ('ecr', 'describe_repositories', 'repositories', 'repositoryName'),
    ('iam', 'list_open_id_connect_providers', 'OpenIDConnectProviderList', 'Arn'),
    ('iam', 'list_roles', 'Roles', 'RoleName'),
    ('logs', 'describe_log_groups', 'logGroups', 'logGroupName'),
    ('rds', 'describe_db_instances', 'DBInstances', 'DBInstanceIdentifier'),
    ('rds', 'describe_db_snapshots', 'DBSnapshots', 'DBSnapshotIdentifier'),
    ('rds', 'describe_db_subnet_groups', 'DBSubnetGroups', 'DBSubnetGroupName'),
    ('s3', 'list_buckets', 'Buckets', 'Name'),
)


class Account:
    """A simulated AWS account, empty at first."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.environment = {
            'AWS_ENDPOINT_URL': endpoint,
            'AWS_ACCESS_KEY_ID': 'simulated',
            'AWS_SECRET_ACCESS_KEY': 'simulated',
            'AWS_REGION': REGION,
        }

    def client(self, service: str) -> BaseClient:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id='simulated',
            aws_secret_access_key='simulated',
            config=Config(s3={'addressing_style': 'path'}),
        )

    def inventory(self) -> set[str]:
        """What there is, but for what AWS shows for a while after it was given up.

        Network interfaces of NAT gateways and secrets of databases go with them on AWS, and stay in moto: not counted.
        """
        there = {
            f'{call}: {one[name]}'
            for service, call, key, name in INVENTORY
            for one in getattr(self.client(service), call)()[key]
        }
        ec2 = self.client('ec2')
        endpoints = ec2.describe_vpc_endpoints()['VpcEndpoints']
        there |= {f'endpoint: {one["VpcEndpointId"]}' for one in endpoints if one['State'] != 'deleted'}
        gateways = ec2.describe_nat_gateways()['NatGateways']
        there |= {f'nat: {one["NatGatewayId"]}' for one in gateways if one['State'] != 'deleted'}
        of_gateways = {
            address['NetworkInterfaceId'] for gateway in gateways for address in gateway['NatGatewayAddresses']
        }
        interfaces = {one['NetworkInterfaceId'] for one in ec2.describe_network_interfaces()['NetworkInterfaces']}
        there |= {f'interface: {one}' for one in interfaces - of_gateways}
        secrets = self.client('secretsmanager').list_secrets()['SecretList']
        there |= {f'secret: {one["Name"]}' for one in secrets if not one['Name'].startswith('rds!')}
        policies = self.client('iam').list_policies(Scope='Local')['Policies']
        there |= {f'policy: {one["PolicyName"]}' for one in policies}
        kms = self.client('kms')
        keys = [kms.describe_key(KeyId=one['KeyId'])['KeyMetadata'] for one in kms.list_keys()['Keys']]
        there |= {
            f'key: {one["Description"]}'
            for one in keys
            if one['KeyState'] != 'PendingDeletion' and 'cv-inference' in one['Description']
        }
        return there

    def object(self, key: str) -> dict[str, Any] | None:
        """A file of the state bucket, or none."""
        try:
            return json.loads(self.client('s3').get_object(Bucket=STATE_BUCKET, Key=key)['Body'].read())
        except ClientError:
            return None


class Configuration:
    """A folder of infrastructure/, in a copy, and Terraform in it."""

    def __init__(self, folder: Path, account: Account) -> None:
        self.folder = folder
        self.said = folder / 'said'
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(('AWS_', 'TF_'))},
            **account.environment,
            'TF_CLI_CONFIG_FILE': os.devnull,
            'TF_IN_AUTOMATION': '1',
        }
        # Buckets of a server on this machine have no host names of their own.
        (folder / 'simulation_override.tf').write_text('provider "aws" {\n  s3_use_path_style = true\n}\n')

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Goes on in a process group of its own; what it says is in the file `said`."""
        with self.said.open('w') as said:
            return subprocess.Popen(
                [os.environ['TERRAFORM'], *arguments],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=said,
                text=True,
                start_new_session=True,
            )

    def attempt(self, *arguments: str) -> tuple[int, str]:
        """Exit code, and what was said, in one line."""
        ended = subprocess.run(
            [os.environ['TERRAFORM'], *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=400,
        )
        return ended.returncode, ' '.join(ended.stdout.replace('│', ' ').split())

    def run(self, *arguments: str) -> str:
        code, said = self.attempt(*arguments)
        assert code == 0, said[-4000:]
        return said

    def init(self, *arguments: str) -> None:
        self.run('init', '-no-color', '-input=false', f'-plugin-dir={os.environ["TF_PLUGIN_DIR"]}', *arguments)

    def apply(self) -> None:
        self.run('apply', '-no-color', '-input=false', '-auto-approve', *VARIABLES)

    def destroy(self) -> None:
        self.run('destroy', '-no-color', '-input=false', '-auto-approve', *VARIABLES)

    def plan(self) -> dict[str, Any]:
        self.run('plan', '-input=false', '-out=plan.tfplan', *VARIABLES)
        return self.shown('plan.tfplan')

    def shown(self, *arguments: str) -> dict[str, Any]:
        shown = subprocess.check_output(
            [os.environ['TERRAFORM'], 'show', '-json', *arguments], cwd=self.folder, env=self.environment, timeout=100
        )
        return json.loads(shown)

    def wait_until(self, condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
        """Until the condition holds, for three minutes at most; fails where the process ends before."""
        deadline = time.monotonic() + 180
        while not condition():
            assert process.poll() is None and time.monotonic() < deadline, self.said.read_text()[-4000:]
            time.sleep(0.3)


class Scripts:
    """The scripts of the workflow `infrastructure`, beside a copy of infrastructure/."""

    def __init__(self, root: Path, account: Account) -> None:
        self.root = root
        shutil.copytree(SOURCE.parent / '.github/scripts', root / '.github/scripts')
        (root / 'bin').mkdir()
        (root / 'bin/terraform').symlink_to(os.environ['TERRAFORM'])
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(('AWS_', 'TF_', 'GITHUB_'))},
            **account.environment,
            'PATH': f'{root / "bin"}:{os.environ["PATH"]}',
            'NAMES': 'dev',
            'STATE_BUCKET': STATE_BUCKET,
            'TF_CLI_CONFIG_FILE': os.devnull,
            'TF_CLI_ARGS_init': f'-plugin-dir={os.environ["TF_PLUGIN_DIR"]} -backend-config=use_path_style=true',
            'TF_VAR_github_repository': 'owner/name',
        }

    def run(self, name: str, *arguments: str) -> str:
        ended = subprocess.run(
            [self.root / '.github/scripts' / name, *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=400,
        )
        assert ended.returncode == 0, ended.stdout[-4000:]
        return ended.stdout

    def plan(self) -> tuple[str, str]:
        """What was said, and the plan of dev."""
        said = self.run('plan-infrastructure', 'planned')
        return said, (self.root / 'planned/results/dev.plan').read_text()


def changes(plan: dict[str, Any]) -> list[str]:
    """What a plan would change."""
    return [
        f'{change["address"]}: {change["change"]["actions"]}'
        for change in plan.get('resource_changes', [])
        if change['change']['actions'] not in (['no-op'], ['read'])
    ]


def resources(module: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The resources of a module and of those below it, without what is only read."""
    yield from (one for one in module.get('resources', []) if one['mode'] == 'managed')
    for child in module.get('child_modules', []):
        yield from resources(child)


def kinds(state: dict[str, Any] | None) -> set[str]:
    """The kinds of resources that a state holds; of what is being made it may name the kind alone."""
    return {one['type'] for one in (state or {}).get('resources', []) if one['instances']}


def planned(plan: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    root = plan['planned_values']['root_module']
    return [one['values'] for one in resources(root) if one['type'] == kind]


@pytest.fixture(scope='module')
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with socket.create_server(('127.0.0.1', 0)) as probe:
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp('aws') / 'log'
    with log.open('w') as out:
        server = subprocess.Popen(
            [sys.executable, Path(__file__).parent / 'simulated_aws.py', '-H', '127.0.0.1', '-p', str(port)],
            env={**os.environ, 'MOTO_IAM_LOAD_MANAGED_POLICIES': 'true'},
            stdout=out,
            stderr=out,
        )
    try:
        while True:
            assert server.poll() is None, log.read_text()
            with socket.socket() as probe:
                if probe.connect_ex(('127.0.0.1', port)) == 0:
                    break
            time.sleep(0.2)
        yield Account(f'http://127.0.0.1:{port}')
    finally:
        server.kill()
        server.wait()


@pytest.fixture(scope='module')
def empty(account: Account) -> set[str]:
    """What there is in an account before anything was applied: a default VPC and the like."""
    return account.inventory()


@pytest.fixture(scope='module')
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('copy') / 'infrastructure'
    shutil.copytree(
        SOURCE, folder, ignore=shutil.ignore_patterns('.terraform*', '*.tfstate*', '*_override.tf', 'tests')
    )
    return folder


@pytest.fixture(scope='module')
def bootstrap(copy: Path, account: Account) -> Configuration:
    return Configuration(copy / 'bootstrap', account)


@pytest.fixture(scope='module')
def dev(copy: Path, account: Account) -> Configuration:
    return Configuration(copy / 'environments/dev', account)


@pytest.fixture(scope='module')
def scripts(copy: Path, account: Account) -> Scripts:
    return Scripts(copy.parent, account)


@pytest.fixture(scope='module')
def production(copy: Path, account: Account) -> dict[str, Any]:
    """The plan of production, of which nothing is applied."""
    configuration = Configuration(copy / 'environments/production', account)
    configuration.init(*BACKEND)
    return configuration.plan()


def test_bootstrap_is_applied_and_its_state_moves_into_the_bucket_that_it_has_made(
    account: Account, empty: set[str], bootstrap: Configuration
) -> None:
    override = bootstrap.folder / 'backend_override.tf'
    override.write_text(LOCAL)
    bootstrap.init()
    bootstrap.apply()
    override.unlink()
    bootstrap.init('-migrate-state', '-force-copy', *BACKEND)
    state = account.object('bootstrap/terraform.tfstate')
    assert state is not None
    assert state['outputs']['state_bucket']['value'] == STATE_BUCKET


def test_bootstrap_planned_again_changes_nothing(bootstrap: Configuration) -> None:
    assert changes(bootstrap.plan()) == []


def test_wrong_variables_are_refused_with_a_sentence(bootstrap: Configuration) -> None:
    code, said = bootstrap.attempt('plan', '-no-color', '-input=false', '-lock=false', '-var=github_repository=owner/*')
    assert code == 1
    assert 'github_repository is owner/name, without wildcards.' in said


def test_an_apply_that_was_killed_is_finished_by_the_next(account: Account, dev: Configuration) -> None:
    dev.init(*BACKEND)
    # State is kept every 20 s while an apply goes on: in the end all that is quickly made, but not the database.
    process = dev.start('apply', '-no-color', '-input=false', '-auto-approve', *VARIABLES)
    dev.wait_until(lambda: 'aws_s3_bucket_lifecycle_configuration' in kinds(account.object(STATE)), process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()

    code, said = dev.attempt('apply', '-no-color', '-input=false', '-auto-approve', *VARIABLES)
    lock = account.object(LOCK)
    assert code == 1 and lock is not None
    assert 'Error acquiring the state lock' in said and lock['ID'] in said
    dev.run('force-unlock', '-force', lock['ID'])

    # What was being made in that moment is there, and in no state.
    databases = account.client('rds').describe_db_instances()['DBInstances']
    if databases and 'aws_db_instance' not in kinds(account.object(STATE)):
        code, said = dev.attempt('apply', '-no-color', '-input=false', '-auto-approve', *VARIABLES)
        assert code == 1 and 'DBInstanceAlreadyExists' in said
        dev.run('import', '-input=false', *VARIABLES, DATABASE, 'cv-inference-dev-mlflow')
    dev.apply()
    networks = account.client('ec2').describe_vpcs(Filters=[{'Name': 'tag:Project', 'Values': ['cv-inference']}])
    assert len(networks['Vpcs']) == 1


def test_dev_planned_again_changes_nothing(dev: Configuration) -> None:
    assert changes(dev.plan()) == []


def test_what_has_drifted_is_found_and_taken_back_by_the_scripts_of_the_workflow(
    account: Account, scripts: Scripts
) -> None:
    s3, bucket = account.client('s3'), f'cv-inference-dev-models-{ACCOUNT}'
    s3.delete_public_access_block(Bucket=bucket)
    said, plan = scripts.plan()
    assert 'changed=["dev"]' in said
    assert 'aws_s3_bucket_public_access_block.this' in plan
    assert f'cv-inference-dev-models-{ACCOUNT}' not in plan and 'cv-inference-dev-models-(account)' in plan

    scripts.run('apply-plan', 'planned/plans', 'dev')
    assert set(s3.get_public_access_block(Bucket=bucket)['PublicAccessBlockConfiguration'].values()) == {True}
    said, plan = scripts.plan()
    assert 'changed=[]' in said
    assert 'No changes.' in plan


def test_everything_that_can_have_tags_says_whose_it_is(dev: Configuration) -> None:
    tagged = [one for one in resources(dev.shown()['values']['root_module']) if 'tags_all' in one['values']]
    assert len(tagged) > 30
    untagged = [
        one['address']
        for one in tagged
        if not {**TAGS, 'Environment': 'dev'}.items() <= one['values']['tags_all'].items()
    ]
    assert untagged == []


def test_an_apply_is_refused_while_another_one_has_the_lock(account: Account, dev: Configuration) -> None:
    # With something to change it waits for an answer, and holds the lock meanwhile.
    waiting = dev.start('apply', '-no-color', '-var=name=another', *VARIABLES)
    try:
        dev.wait_until(lambda: account.object(LOCK) is not None, waiting)
        code, said = dev.attempt('apply', '-no-color', '-input=false', '-auto-approve', *VARIABLES)
        assert code == 1
        assert 'Error acquiring the state lock' in said
    finally:
        waiting.communicate('no\n', timeout=100)
    assert account.object(LOCK) is None
    assert changes(dev.plan()) == []


def test_nobody_reaches_the_database_or_a_bucket_from_outside(account: Account) -> None:
    (database,) = account.client('rds').describe_db_instances()['DBInstances']
    assert database['PubliclyAccessible'] is False and database['StorageEncrypted'] is True
    s3 = account.client('s3')
    for bucket in s3.list_buckets()['Buckets']:
        block = s3.get_public_access_block(Bucket=bucket['Name'])['PublicAccessBlockConfiguration']
        assert set(block.values()) == {True}, bucket['Name']
    rules = account.client('ec2').describe_security_group_rules()['SecurityGroupRules']
    groups = account.client('ec2').describe_security_groups(
        Filters=[{'Name': 'tag:Project', 'Values': ['cv-inference']}]
    )
    ours = {group['GroupId'] for group in groups['SecurityGroups']}
    incoming = [rule for rule in rules if rule['GroupId'] in ours and not rule['IsEgress']]
    assert len(incoming) == 3
    assert [rule for rule in incoming if rule.get('CidrIpv4') or rule.get('CidrIpv6')] == []


def test_production_cannot_be_lost_by_mistake_or_with_a_zone(production: dict[str, Any]) -> None:
    (database,) = planned(production, 'aws_db_instance')
    assert (database['deletion_protection'], database['skip_final_snapshot'], database['multi_az']) == (
        True,
        False,
        True,
    )
    assert {bucket['force_destroy'] for bucket in planned(production, 'aws_s3_bucket')} == {False}
    assert {repository['force_delete'] for repository in planned(production, 'aws_ecr_repository')} == {False}
    assert len(planned(production, 'aws_nat_gateway')) == 3
    assert {role['permissions_boundary'] for role in planned(production, 'aws_iam_role')} == {
        f'arn:aws:iam::{ACCOUNT}:policy/cv-inference-boundary'
    }


def test_the_costs_of_production_are_of_what_is_planned(production: dict[str, Any]) -> None:
    of_production = (SOURCE / 'costs.md').read_text().partition('## production')[2].partition('## GPU')[0]
    rows = [line.split(' | ') for line in of_production.splitlines() if line.startswith('| `aws_')]
    counted = {(kind.strip('|` '), what): int(number) for kind, what, number, *_ in rows}
    (database,) = planned(production, 'aws_db_instance')
    copies = 2 if database['multi_az'] else 1
    assert {
        ('aws_nat_gateway', 'NAT gateway'): len(planned(production, 'aws_nat_gateway')),
        ('aws_eip', 'its public address'): len(planned(production, 'aws_eip')),
        ('aws_kms_key', 'key of models and captures'): len(planned(production, 'aws_kms_key')),
        ('aws_db_instance', database['instance_class']): copies,
        ('aws_db_instance', 'its storage, GB'): copies * database['allocated_storage'],
    }.items() <= counted.items()
    assert f'{len(planned(production, "aws_s3_bucket"))} buckets, GB' in of_production


def test_destroy_leaves_nothing(
    account: Account, empty: set[str], bootstrap: Configuration, dev: Configuration
) -> None:
    models = f'cv-inference-dev-models-{ACCOUNT}'
    account.client('s3').put_object(Bucket=models, Key='models/digits/1.0.0/model.json', Body=b'{}')
    dev.destroy()
    assert account.inventory() - empty == bootstrap_parts()

    (bootstrap.folder / 'backend_override.tf').write_text(LOCAL)
    bootstrap.init('-migrate-state', '-force-copy')
    empty_bucket(account)
    bootstrap.destroy()
    assert account.inventory() - empty == set()


def bootstrap_parts() -> set[str]:
    return {
        f'list_buckets: {STATE_BUCKET}',
        f'list_open_id_connect_providers: arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com',
        'list_roles: cv-inference-apply',
        'list_roles: cv-inference-plan',
        'policy: cv-inference-boundary',
    }


def empty_bucket(account: Account) -> None:
    s3 = account.client('s3')
    versions = s3.list_object_versions(Bucket=STATE_BUCKET)
    for one in [*versions.get('Versions', []), *versions.get('DeleteMarkers', [])]:
        s3.delete_object(Bucket=STATE_BUCKET, Key=one['Key'], VersionId=one['VersionId'])
