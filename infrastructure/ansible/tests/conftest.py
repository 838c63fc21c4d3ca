import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from botocore.client import BaseClient
from machine import ANSIBLE, CALICO, NEXT, VERSION, Machine, Repository, Server, free_port, inventory

REGION = 'eu-central-1'


@pytest.fixture(scope='session')
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A simulated AWS account, as environment variables."""
    port = free_port()
    command = [sys.executable, ANSIBLE.parent / 'tests/simulated_aws.py', '-H', '127.0.0.1', '-p', port]
    with Server(command, tmp_path_factory.mktemp('aws') / 'log') as aws:
        aws.wait_for(port)
        yield {
            'AWS_ENDPOINT_URL': f'http://127.0.0.1:{port}',
            'AWS_ACCESS_KEY_ID': 'simulated',
            'AWS_SECRET_ACCESS_KEY': 'simulated',
            'AWS_REGION': REGION,
        }


@pytest.fixture(scope='session')
def secrets(account: dict[str, str]) -> BaseClient:
    return boto3.client(
        'secretsmanager',
        endpoint_url=account['AWS_ENDPOINT_URL'],
        region_name=REGION,
        aws_access_key_id='simulated',
        aws_secret_access_key='simulated',
    )


@pytest.fixture(scope='session')
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pkgs.k8s.io and AWS publish. kubeadm and kubectl are real; nothing starts the others."""
    folder = tmp_path_factory.mktemp('packages') / 'repository'
    programs = tmp_path_factory.mktemp('programs')
    repository = Repository(folder)
    for name in ('kubeadm', 'kubectl'):
        subprocess.run(['cp', Path(os.environ['PROGRAMS']) / name, programs / name], check=True)
    for version in (f'{VERSION}-1.1', f'{NEXT}-1.1'):
        repository.add('kubeadm', version, program=programs / 'kubeadm')
        repository.add('kubectl', version, program=programs / 'kubectl')
        repository.add('kubelet', version, unit=True)
    repository.add('amazon-ssm-agent', '3.3.0.0', unit=True).rename(folder / 'amazon-ssm-agent.deb')
    (folder / 'calico.yaml').write_text(CALICO)
    repository.publish(programs / 'gpg')
    return folder


@pytest.fixture(scope='session')
def node(tmp_path_factory: pytest.TempPathFactory, packages: Path, account: dict[str, str]) -> Machine:
    """A machine on which the roles have run once, as a worker that finds no token."""
    machine = Machine(tmp_path_factory.mktemp('node') / 'node', [Path(os.environ['DEBIAN_ROOT'])], packages, account)
    done = machine.play('node', inventory('worker', cluster_join_secret_id='of-nobody'))
    assert 'This machine has not joined: No token in of-nobody: ' in done.stdout, done.stdout
    return machine


@pytest.fixture
def machine(tmp_path: Path, node: Machine) -> Machine:
    return node.copy(tmp_path / 'machine')


@pytest.fixture
def secret(secrets: BaseClient, tmp_path: Path) -> Callable[..., str]:
    """Makes a secret, with a value or, as Terraform does, without."""

    def make(value: object = None) -> str:
        content = {} if value is None else {'SecretString': json.dumps(value)}
        return secrets.create_secret(Name=f'join-{tmp_path.name}', **content)['ARN']

    return make
