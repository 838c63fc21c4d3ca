"""Bootstrap and dev applied to a simulated AWS, in the order of README.md, killed, planned again, locked, destroyed.

To dev comes the self-managed cluster, as docs/infrastructure.md has it.

TERRAFORM is the program, TF_PLUGIN_DIR the folder of its provider. Tests follow each other: each stands on what the one
before it has left.
"""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from simulation import ACCOUNT, REGION, SOURCE, STATE_BUCKET, VARIABLES, Account, Configuration

STATE, LOCK = 'dev/terraform.tfstate', 'dev/terraform.tfstate.tflock'
BACKEND = (
    f'-backend-config=bucket={STATE_BUCKET}',
    f'-backend-config=region={REGION}',
    '-backend-config=use_path_style=true',
)
LOCAL = 'terraform {\n  backend "local" {}\n}\n'
DATABASE = 'module.platform.module.mlflow.aws_db_instance.this'
TAGS = {'Project': 'cv-inference', 'ManagedBy': 'terraform'}
OF_DEV = {**TAGS, 'Environment': 'dev'}


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


def documented_cluster(image_id: str) -> str:
    """The module that docs/infrastructure.md says to write, with an image that there is."""
    document = (SOURCE.parent / 'docs/infrastructure.md').read_text()
    (module,) = re.findall(r'^```hcl\n(module "kubernetes" .*?)```$', document, re.MULTILINE | re.DOTALL)
    return module.replace('ami-...', image_id)


def tags_of(machine: dict[str, Any]) -> dict[str, str]:
    return {tag['Key']: tag['Value'] for tag in machine['Tags']}


def name_of(machine: dict[str, Any]) -> str:
    return tags_of(machine)['Name']


def planned(plan: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    root = plan['planned_values']['root_module']
    return [one['values'] for one in resources(root) if one['type'] == kind]


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


def test_captures_expire_in_their_bucket_and_models_in_none(account: Account) -> None:
    s3 = account.client('s3')
    expiring = {
        (bucket, rule['Filter'].get('Prefix'), rule['Expiration']['Days'])
        for bucket in ('models', 'data', 'mlflow')
        for rule in s3.get_bucket_lifecycle_configuration(Bucket=f'cv-inference-dev-{bucket}-{ACCOUNT}')['Rules']
        if 'Days' in rule.get('Expiration', {})
    }
    assert expiring == {('data', 'captures/', 7)}


def test_the_cluster_of_the_document_planned_again_changes_nothing(account: Account, dev: Configuration) -> None:
    of_root = [{'Name': 'root-device-name', 'Values': ['/dev/xvda']}]
    image = account.client('ec2').describe_images(Filters=of_root)['Images'][0]
    (dev.folder / 'kubernetes.tf').write_text(documented_cluster(image['ImageId']))
    dev.init(*BACKEND)
    dev.apply()
    assert changes(dev.plan()) == []


def test_machines_are_in_private_subnets_and_say_whose_they_are(account: Account, dev: Configuration) -> None:
    private = dev.shown()['values']['outputs']['platform']['value']['private_subnet_ids']
    machines = account.machines()
    assert sorted(name_of(machine) for machine in machines) == [
        *(f'cv-inference-dev-control-plane-{index}' for index in range(3)),
        *['cv-inference-dev-worker'] * 2,
    ]
    assert [machine for machine in machines if not OF_DEV.items() <= tags_of(machine).items()] == []
    assert {machine['SubnetId'] for machine in machines} == set(private)
    assert [machine for machine in machines if machine.get('PublicIpAddress')] == []


def test_machines_of_the_control_plane_and_the_template_of_workers_are_closed(account: Account) -> None:
    ec2 = account.client('ec2')
    (version,) = ec2.describe_launch_template_versions(LaunchTemplateName='cv-inference-dev-worker')[
        'LaunchTemplateVersions'
    ]
    template = version['LaunchTemplateData']
    control_plane = [machine for machine in account.machines() if 'control-plane' in name_of(machine)]
    (interface,) = template['NetworkInterfaces']
    assert interface['AssociatePublicIpAddress'] is False
    groups = {group['GroupId'] for machine in control_plane for group in machine['SecurityGroups']}
    assert groups == set(interface['Groups']) and len(groups) == 1
    assert {one['MetadataOptions']['HttpTokens'] for one in (*control_plane, template)} == {'required'}
    roots = [one['Ebs']['VolumeId'] for machine in control_plane for one in machine['BlockDeviceMappings']]
    disks = [
        *ec2.describe_volumes(VolumeIds=roots)['Volumes'],
        *(one['Ebs'] for one in template['BlockDeviceMappings']),
    ]
    assert [disk['Encrypted'] for disk in disks] == [True] * 4


def test_the_load_balancer_of_the_api_is_internal_and_knows_every_control_plane(account: Account) -> None:
    balancing = account.client('elbv2')
    (balancer,) = balancing.describe_load_balancers()['LoadBalancers']
    (group,) = balancing.describe_target_groups()['TargetGroups']
    assert (balancer['Scheme'], balancer['Type'], group['Protocol'], group['Port']) == (
        'internal',
        'network',
        'TCP',
        6443,
    )
    targets = balancing.describe_target_health(TargetGroupArn=group['TargetGroupArn'])['TargetHealthDescriptions']
    assert len({target['Target']['Id'] for target in targets}) == 3


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
    untagged = [one['address'] for one in tagged if not OF_DEV.items() <= one['values']['tags_all'].items()]
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


def test_nobody_reaches_the_database_a_bucket_or_the_cluster_from_outside(account: Account) -> None:
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
    assert len(incoming) == 5
    assert [rule for rule in incoming if rule.get('CidrIpv4') or rule.get('CidrIpv6')] == []


def test_production_cannot_be_lost_by_mistake_or_with_a_zone(production: dict[str, Any]) -> None:
    (database,) = planned(production, 'aws_db_instance')
    assert (database['deletion_protection'], database['skip_final_snapshot'], database['multi_az']) == (
        True,
        False,
        True,
    )
    assert database['backup_retention_period'] == 14
    assert {bucket['force_destroy'] for bucket in planned(production, 'aws_s3_bucket')} == {False}
    assert {repository['force_delete'] for repository in planned(production, 'aws_ecr_repository')} == {False}
    assert len(planned(production, 'aws_nat_gateway')) == 3
    assert {role['permissions_boundary'] for role in planned(production, 'aws_iam_role')} == {
        f'arn:aws:iam::{ACCOUNT}:policy/cv-inference-boundary'
    }


def test_captures_of_production_expire_after_a_month_and_nothing_else(production: dict[str, Any]) -> None:
    rules = [rule for one in planned(production, 'aws_s3_bucket_lifecycle_configuration') for rule in one['rule']]
    expiring = [
        (rule['filter'][0]['prefix'], one['days']) for rule in rules for one in rule['expiration'] if one['days']
    ]
    assert expiring == [('captures/', 30)]


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
