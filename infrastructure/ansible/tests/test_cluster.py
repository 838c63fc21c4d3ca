"""What goes by the API, with a real server: from the control plane's token to a machine that joins, and upgrades.

Certificates are kubeadm's. What starts pods, `kubeadm upgrade` and kubelet, is recorded in its place.
"""

import base64
import hmac
import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from botocore.client import BaseClient
from machine import NEXT, VERSION, Machine, Server, changes, free_port, inventory

CLUSTER, JOIN, PKI = '/etc/kubernetes/cluster.yaml', '/etc/kubernetes/join.yaml', '/etc/kubernetes/pki'
PROGRAMS = Path(os.environ['PROGRAMS'])
ADMIN = '--kubeconfig=/etc/kubernetes/super-admin.conf'
RENEW = '/usr/local/sbin/renew-join-secrets'
STEPS = re.compile(r'\b(upgrade apply --yes v\S+|upgrade node|drain|restart|uncordon|wait)\b')
KUBECTL = """#!/bin/sh
echo "$*" >>/root/steps
exec /usr/bin/kubectl "$@"
"""
# Of an upgrade it does what others see: the cluster has another version.
KUBEADM = f"""#!/bin/sh
echo "$*" >>/root/steps
[ "$2" = apply ] || exit 0
export KUBECONFIG=/etc/kubernetes/admin.conf
/usr/bin/kubectl --namespace kube-system get configmap kubeadm-config --output yaml |
  sed 's/kubernetesVersion: v{VERSION}/kubernetesVersion: v{NEXT}/' | /usr/bin/kubectl replace --filename -
"""
SYSTEMCTL = """#!/bin/sh
case $1 in
  show) printf 'LoadState=loaded\nActiveState=active\n' ;;
  restart)
    echo "$*" >>/root/steps
    [ ! -e /root/kubelet-does-not-start ]
    ;;
esac
"""
Secrets = dict[str, dict[str, str]]


class ControlPlane(NamedTuple):
    machine: Machine
    endpoint: str
    secrets: dict[str, str]

    def hosts(self, machine: str, of: str, control_planes: int = 1) -> dict[str, object]:
        """By default as the first one is told, which learns of no others that come later."""
        return inventory(
            machine,
            cluster_endpoint=self.endpoint,
            cluster_control_planes=control_planes,
            cluster_join_secret_id=self.secrets[of],
            cluster_worker_secret_id=self.secrets['worker'],
        )

    def kubectl(self, *arguments: str) -> str:
        return succeeds(self.machine, 'kubectl', ADMIN, *arguments)

    def init(self, *phase: str) -> None:
        succeeds(self.machine, 'kubeadm', 'init', 'phase', *phase, f'--config={CLUSTER}')

    def lead(self, leader: str) -> None:
        """Makes a machine the one whose controller-manager leads."""
        lease = {
            'apiVersion': 'coordination.k8s.io/v1',
            'kind': 'Lease',
            'metadata': {'name': 'kube-controller-manager', 'namespace': 'kube-system'},
            'spec': {'holderIdentity': f'{leader}_1f0c'},
        }
        self.machine.write('/root/lease.json', json.dumps(lease))
        self.kubectl('apply', '--filename=/root/lease.json')


def succeeds(machine: Machine, *command: str) -> str:
    done = machine.run(*command)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope='module')
def control_plane(
    node: Machine, secrets: BaseClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ControlPlane]:
    """The first control plane as `kubeadm init` leaves it, but for kubelet: its API server runs on this machine."""
    folder = tmp_path_factory.mktemp('control-plane')
    arns = {of: secrets.create_secret(Name=f'cluster-{of}')['ARN'] for of in ('control-plane', 'worker')}
    api, peers, clients = free_port(), free_port(), free_port()
    first = ControlPlane(node.copy(folder / 'machine'), f'127.0.0.1:{api}', arns)
    changes(first.machine.play('node', first.hosts('first', 'control-plane')))
    first.init('certs', 'all')
    first.init('kubeconfig', 'admin')
    first.init('kubeconfig', 'super-admin')

    etcd = [
        PROGRAMS / 'etcd',
        f'--data-dir={folder}/etcd',
        f'--listen-client-urls=http://127.0.0.1:{clients}',
        f'--advertise-client-urls=http://127.0.0.1:{clients}',
        f'--listen-peer-urls=http://127.0.0.1:{peers}',
        '--unsafe-no-fsync',
    ]
    pki = first.machine.file(PKI)
    kube_apiserver = [
        PROGRAMS / 'kube-apiserver',
        f'--etcd-servers=http://127.0.0.1:{clients}',
        '--bind-address=127.0.0.1',
        f'--secure-port={api}',
        '--authorization-mode=Node,RBAC',
        '--enable-bootstrap-token-auth',
        f'--client-ca-file={pki}/ca.crt',
        f'--tls-cert-file={pki}/apiserver.crt',
        f'--tls-private-key-file={pki}/apiserver.key',
        f'--service-account-key-file={pki}/sa.pub',
        f'--service-account-signing-key-file={pki}/sa.key',
        '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
        '--service-cluster-ip-range=10.96.0.0/12',
    ]
    with Server(etcd, folder / 'etcd.log') as store:
        store.wait_for(clients)
        with Server(kube_apiserver, folder / 'kube-apiserver.log') as server:
            server.wait_for(api)
            server.wait(lambda: first.machine.run('kubectl', ADMIN, 'get', '--raw=/readyz').returncode == 0)
            admins = ('--clusterrole=cluster-admin', '--group=kubeadm:cluster-admins')
            first.kubectl('create', 'clusterrolebinding', 'kubeadm:cluster-admins', *admins)
            first.init('upload-config', 'all', ADMIN)
            first.init('bootstrap-token', ADMIN)
            yield first


def test_a_control_plane_that_does_not_lead_leaves_no_token(control_plane: ControlPlane, secrets: BaseClient) -> None:
    control_plane.lead('another')

    succeeds(control_plane.machine, RENEW)

    for arn in control_plane.secrets.values():
        assert 'VersionIdsToStages' not in secrets.describe_secret(SecretId=arn)


@pytest.fixture(scope='module')
def left(control_plane: ControlPlane, secrets: BaseClient) -> Secrets:
    """What the leader has left in each secret."""
    control_plane.lead(succeeds(control_plane.machine, 'hostname').strip())
    # With admin.conf kubeadm asks port 6443 of its own machine, where nothing listens here.
    script = control_plane.machine.file(RENEW)
    script.write_text(script.read_text().replace('--upload-certs)', f'--upload-certs {ADMIN})'))
    said = succeeds(control_plane.machine, RENEW)
    values = {
        of: json.loads(secrets.get_secret_value(SecretId=arn)['SecretString'])
        for of, arn in control_plane.secrets.items()
    }
    assert values['worker']['token'] not in said
    sign(control_plane, values['worker']['token'])
    return values


def sign(control_plane: ControlPlane, token: str) -> None:
    """Signs what a joining machine reads first, as kube-controller-manager does: with the token, as a detached JWS."""
    cluster_info = ('--namespace=kube-public', 'configmap', 'cluster-info')
    kubeconfig = control_plane.kubectl('get', *cluster_info, '--output=jsonpath={.data.kubeconfig}')
    identity, key = token.split('.')
    header = encoded(json.dumps({'alg': 'HS256', 'kid': identity}, separators=(',', ':')).encode())
    signature = hmac.digest(key.encode(), f'{header}.{encoded(kubeconfig.encode())}'.encode(), 'sha256')
    signed = {'data': {f'jws-kubeconfig-{identity}': f'{header}..{encoded(signature)}'}}
    control_plane.kubectl('patch', *cluster_info, '--type=merge', f'--patch={json.dumps(signed)}')


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip('=')


def test_the_leader_leaves_tokens_that_expire(control_plane: ControlPlane, left: Secrets) -> None:
    assert left['control-plane'].keys() == {'token', 'ca_cert_hash', 'certificate_key'}
    assert left['worker'].keys() == {'token', 'ca_cert_hash'}

    identity, _ = left['worker']['token'].split('.')
    expiration = control_plane.kubectl(
        *('--namespace=kube-system', 'get', 'secret', f'bootstrap-token-{identity}'),
        '--output=jsonpath={.data.expiration}',
    )
    expires = datetime.fromisoformat(base64.b64decode(expiration).decode())
    assert timedelta(hours=1) < expires - datetime.now(UTC) <= timedelta(hours=2)


def test_a_worker_is_let_in_by_what_the_leader_has_left(
    control_plane: ControlPlane, left: Secrets, node: Machine, tmp_path: Path
) -> None:
    worker = node.copy(tmp_path / 'worker')
    changes(worker.play('node', control_plane.hosts('worker', 'worker')))

    # Reads the cluster's configuration with the token, from an API server whose authority has the digest.
    said = succeeds(
        worker, 'kubeadm', 'join', 'phase', 'preflight', f'--config={JOIN}', '--ignore-preflight-errors=all'
    )

    assert 'kubeadm-config' in said


def test_a_further_control_plane_gets_the_certificates_of_the_first(
    control_plane: ControlPlane, left: Secrets, node: Machine, tmp_path: Path
) -> None:
    further = node.copy(tmp_path / 'further')
    changes(further.play('node', control_plane.hosts('further', 'control-plane')))

    succeeds(further, 'kubeadm', 'join', 'phase', 'control-plane-prepare', 'download-certs', f'--config={JOIN}')

    for file in ('ca.crt', 'ca.key', 'sa.key', 'front-proxy-ca.key', 'etcd/ca.key'):
        assert further.file(f'{PKI}/{file}').read_bytes() == control_plane.machine.file(f'{PKI}/{file}').read_bytes()


def test_the_first_is_not_made_again_once_there_is_a_token(
    control_plane: ControlPlane, left: Secrets, node: Machine, tmp_path: Path
) -> None:
    again = node.copy(tmp_path / 'again')
    hosts = control_plane.hosts('first', 'control-plane', control_planes=3)

    changes(again.play('node', hosts))

    assert again.file(JOIN).exists()


def test_the_version_is_read_from_the_cluster_as_an_upgrade_does(control_plane: ControlPlane) -> None:
    configuration = control_plane.kubectl(
        *('--namespace=kube-system', 'get', 'configmap', 'kubeadm-config'),
        '--output=jsonpath={.data.ClusterConfiguration}',
    )
    assert f'kubernetesVersion: v{VERSION}' in configuration


def test_a_person_gets_in_with_a_certificate_for_a_day(control_plane: ControlPlane) -> None:
    kubeconfig = succeeds(
        control_plane.machine,
        *('kubeadm', 'kubeconfig', 'user', f'--config={CLUSTER}', '--client-name=somebody'),
        *('--org=kubeadm:cluster-admins', '--validity-period=24h'),
    )
    control_plane.machine.write('/root/somebody.conf', kubeconfig)

    said = succeeds(control_plane.machine, 'kubectl', '--kubeconfig=/root/somebody.conf', 'auth', 'whoami')

    assert 'somebody' in said and 'kubeadm:cluster-admins' in said


def test_an_upgrade_that_is_broken_off_goes_on_where_it_was(control_plane: ControlPlane, tmp_path: Path) -> None:
    machine = control_plane.machine.copy(tmp_path / 'machine')
    for program, text in {'kubectl': KUBECTL, 'kubeadm': KUBEADM, 'systemctl': SYSTEMCTL}.items():
        machine.write_program(f'/usr/local/sbin/{program}', text)
    hosts = control_plane.hosts('first', 'control-plane')
    node = succeeds(machine, 'hostname').strip()
    make_node(machine, node)

    def upgrade() -> tuple[list[str], str]:
        """The steps of it, and whether it has left the node without pods."""
        machine.write('/root/steps', '')
        said = machine.play('upgrade', hosts, f'--extra-vars=kubernetes_version={NEXT}', skip='').stdout
        steps = STEPS.findall(machine.file('/root/steps').read_text())
        assert ('Unable to restart service kubelet' in said) == (steps[-1:] == ['restart']), said
        return steps, control_plane.kubectl('get', 'node', node, '--output=jsonpath={.spec.unschedulable}')

    machine.write('/root/kubelet-does-not-start', '')
    assert upgrade() == ([f'upgrade apply --yes v{NEXT}', 'drain', 'restart'], 'true')

    machine.file('/root/kubelet-does-not-start').unlink()
    assert upgrade() == (['upgrade node', 'drain', 'restart', 'uncordon', 'wait'], '')

    assert upgrade() == ([], '')


def make_node(machine: Machine, name: str) -> None:
    """A node that is ready, as kubelet makes it."""
    ready = {'type': 'Ready', 'status': 'True'}
    node = {'apiVersion': 'v1', 'kind': 'Node', 'metadata': {'name': name}, 'status': {'conditions': [ready]}}
    machine.write('/root/node.json', json.dumps(node))
    succeeds(machine, '/usr/bin/kubectl', ADMIN, 'create', '--filename=/root/node.json')
