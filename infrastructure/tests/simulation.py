"""A simulated AWS account, and Terraform in it. TERRAFORM is the program, TF_PLUGIN_DIR the folder of its provider."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import boto3
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import ClientError

SOURCE = Path(__file__).parent.parent
ACCOUNT = '123456789012'
REGION = 'eu-central-1'
STATE_BUCKET = f'cv-inference-state-{ACCOUNT}'
VARIABLES = ('-var=github_repository=owner/name',)

# What there is in an account: service, call, key of its answer, and what tells one from another.
INVENTORY = (
    ('autoscaling', 'describe_auto_scaling_groups', 'AutoScalingGroups', 'AutoScalingGroupName'),
    ('ec2', 'describe_vpcs', 'Vpcs', 'VpcId'),
    ('ec2', 'describe_subnets', 'Subnets', 'SubnetId'),
    ('ec2', 'describe_route_tables', 'RouteTables', 'RouteTableId'),
    ('ec2', 'describe_internet_gateways', 'InternetGateways', 'InternetGatewayId'),
    ('ec2', 'describe_addresses', 'Addresses', 'AllocationId'),
    ('ec2', 'describe_security_groups', 'SecurityGroups', 'GroupId'),
    ('ec2', 'describe_security_group_rules', 'SecurityGroupRules', 'SecurityGroupRuleId'),
    ('ec2', 'describe_flow_logs', 'FlowLogs', 'FlowLogId'),
    ('ec2', 'describe_launch_templates', 'LaunchTemplates', 'LaunchTemplateName'),
    ('ec2', 'describe_volumes', 'Volumes', 'VolumeId'),
    ('ecr', 'describe_repositories', 'repositories', 'repositoryName'),
    ('elbv2', 'describe_load_balancers', 'LoadBalancers', 'LoadBalancerName'),
    ('elbv2', 'describe_target_groups', 'TargetGroups', 'TargetGroupName'),
    ('iam', 'list_instance_profiles', 'InstanceProfiles', 'InstanceProfileName'),
    ('iam', 'list_open_id_connect_providers', 'OpenIDConnectProviderList', 'Arn'),
    ('iam', 'list_roles', 'Roles', 'RoleName'),
    ('logs', 'describe_log_groups', 'logGroups', 'logGroupName'),
    ('rds', 'describe_db_instances', 'DBInstances', 'DBInstanceIdentifier'),
    ('rds', 'describe_db_snapshots', 'DBSnapshots', 'DBSnapshotIdentifier'),
    ('rds', 'describe_db_subnet_groups', 'DBSubnetGroups', 'DBSubnetGroupName'),
    ('s3', 'list_buckets', 'Buckets', 'Name'),
)


class Account:
    """A simulated AWS account, empty at first, in which anybody may do anything until `enforce`."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.environment = self.environment_of('simulated', 'simulated')

    def environment_of(self, key_id: str, secret: str, token: str | None = None) -> dict[str, str]:
        """What the SDKs of AWS read of somebody's credentials."""
        session = {} if token is None else {'AWS_SESSION_TOKEN': token}
        return {
            'AWS_ENDPOINT_URL': self.endpoint,
            'AWS_ACCESS_KEY_ID': key_id,
            'AWS_SECRET_ACCESS_KEY': secret,
            'AWS_REGION': REGION,
            **session,
        }

    def client(self, service: str, environment: dict[str, str] | None = None) -> BaseClient:
        """Of an administrator, or of whom the environment is."""
        whose = environment or self.environment
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=whose['AWS_ACCESS_KEY_ID'],
            aws_secret_access_key=whose['AWS_SECRET_ACCESS_KEY'],
            aws_session_token=whose.get('AWS_SESSION_TOKEN'),
            config=Config(s3={'addressing_style': 'path'}),
        )

    def enforce(self) -> None:
        """From now on signatures are verified, and nobody does what no policy allows; `client` may do everything."""
        iam = self.client('iam')
        iam.create_user(UserName='administrator')
        everything = {'Effect': 'Allow', 'Action': '*', 'Resource': '*'}
        document = json.dumps({'Version': '2012-10-17', 'Statement': [everything]})
        iam.put_user_policy(UserName='administrator', PolicyName='everything', PolicyDocument=document)
        key = iam.create_access_key(UserName='administrator')['AccessKey']
        self.environment = self.environment_of(key['AccessKeyId'], key['SecretAccessKey'])
        at_once = Request(f'{self.endpoint}/moto-api/reset-auth', b'0', {'Content-Type': 'text/plain'})
        with urlopen(at_once, timeout=10) as answer:
            assert answer.status == 200

    def inventory(self) -> set[str]:
        """What there is, but for what AWS shows for a while after it was given up.

        Network interfaces of NAT gateways and of machines, and secrets of databases, go with them on AWS, and stay in
        moto: not counted.
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
        interfaces = {
            one['NetworkInterfaceId']
            for one in ec2.describe_network_interfaces()['NetworkInterfaces']
            if 'InstanceId' not in one.get('Attachment', {})
        }
        there |= {f'interface: {one}' for one in interfaces - of_gateways}
        there |= {f'machine: {one["InstanceId"]}' for one in self.machines()}
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

    def machines(self) -> list[dict[str, Any]]:
        reservations = self.client('ec2').describe_instances()['Reservations']
        machines = [machine for reservation in reservations for machine in reservation['Instances']]
        return [machine for machine in machines if machine['State']['Name'] != 'terminated']

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


@contextmanager
def simulated_account(log: Path) -> Iterator[Account]:
    """An account, empty at first, of a server that ends with the context."""
    with socket.create_server(('127.0.0.1', 0)) as probe:
        port = probe.getsockname()[1]
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
