"""The roles on file systems of Debian 13, with the real kubeadm, but for what needs a running cluster (tag cluster).

DEBIAN_ROOT is the file system below all of them, PROGRAMS the folder of kubeadm and kubectl.
"""

import json
import re
import stat
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from machine import ANSIBLE, NEXT, VERSION, Machine, changes, inventory

CLUSTER, JOIN = '/etc/kubernetes/cluster.yaml', '/etc/kubernetes/join.yaml'
TOKEN = {'token': 'abcdef.0123456789abcdef', 'ca_cert_hash': f'sha256:{"0" * 64}'}
WITH_KEY = {**TOKEN, 'certificate_key': 'a' * 64}
Secret = Callable[..., str]


def documents(machine: Machine, path: str) -> dict[str, dict[str, Any]]:
    """The documents of a file that root alone reads, by kind."""
    file = machine.file(path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    return {document['kind']: document for document in yaml.safe_load_all(file.read_text())}


def validated(machine: Machine, path: str) -> str:
    return machine.run('kubeadm', 'config', 'validate', '--config', path).stdout


def first(secret_id: str, control_planes: int) -> dict[str, object]:
    return inventory('first', cluster_join_secret_id=secret_id, cluster_control_planes=control_planes)


def test_the_version_is_that_of_the_checks_of_this_repository() -> None:
    modules = (ANSIBLE.parent.parent / 'k8s/tests/tools/kubernetes/go.mod').read_text()
    version = re.search(r'^\tk8s\.io/kubernetes v(\S+)', modules, re.MULTILINE)
    assert version and version[1] == VERSION


def test_a_node_runs_containerd_and_kubelet_from_its_start_on(node: Machine) -> None:
    enabled = node.run('systemctl', 'is-enabled', 'amazon-ssm-agent', 'containerd', 'kubelet').stdout
    assert enabled.split() == ['enabled'] * 3
    assert node.run('apt-mark', 'showhold').stdout.split() == ['kubeadm', 'kubectl', 'kubelet']


def test_containerd_starts_pods_by_systemd_and_with_the_image_that_kubeadm_has(node: Machine) -> None:
    settings = node.run('containerd', 'config', 'dump').stdout
    pause = re.search(r'sandbox_image = "(.+)"', settings)
    assert 'SystemdCgroup = true' in settings
    assert (
        pause and pause[1] in node.run('kubeadm', 'config', 'images', 'list', f'--kubernetes-version=v{VERSION}').stdout
    )


@pytest.mark.parametrize('control_planes', [1, 3])
def test_kubeadm_accepts_what_makes_a_cluster(machine: Machine, secret: Secret, control_planes: int) -> None:
    hosts = first(secret(), control_planes)

    assert changes(machine.play('node', hosts)) > 0
    assert changes(machine.play('node', hosts)) == 0

    assert validated(machine, CLUSTER) == 'ok\n'
    configuration = documents(machine, CLUSTER)
    assert configuration['ClusterConfiguration'] | {'kubernetesVersion': ''} == {
        'apiVersion': 'kubeadm.k8s.io/v1beta4',
        'kind': 'ClusterConfiguration',
        'clusterName': 'cv-inference-dev',
        'kubernetesVersion': '',
        'controlPlaneEndpoint': 'api.example.com:6443',
        'encryptionAlgorithm': 'ECDSA-P256',
        'networking': {'podSubnet': '10.244.0.0/16', 'serviceSubnet': '10.96.0.0/12'},
        'apiServer': {
            'certSANs': ['127.0.0.1', 'localhost'],
            'extraArgs': [{'name': 'profiling', 'value': 'false'}],
        },
        'controllerManager': {'extraArgs': [{'name': 'profiling', 'value': 'false'}]},
        'scheduler': {'extraArgs': [{'name': 'profiling', 'value': 'false'}]},
    }


def test_kubeadm_makes_the_control_plane_of_it(machine: Machine, secret: Secret) -> None:
    changes(machine.play('node', first(secret(), 3)))

    for phase in ('certs', 'kubeconfig', 'control-plane'):
        done = machine.run('kubeadm', 'init', 'phase', phase, 'all', f'--config={CLUSTER}')
        assert done.returncode == 0, done.stdout

    pod = yaml.safe_load(machine.file('/etc/kubernetes/manifests/kube-apiserver.yaml').read_text())
    arguments = pod['spec']['containers'][0]['command']
    assert pod['spec']['containers'][0]['image'] == f'registry.k8s.io/kube-apiserver:v{VERSION}'
    assert {'--profiling=false', '--authorization-mode=Node,RBAC', '--service-cluster-ip-range=10.96.0.0/12'} <= {
        *arguments
    }
    certificate = machine.run('openssl', 'x509', '-noout', '-text', '-in', '/etc/kubernetes/pki/apiserver.crt').stdout
    assert 'DNS:api.example.com' in certificate and 'DNS:localhost' in certificate
    assert 'id-ecPublicKey' in certificate
    assert 'server: https://api.example.com:6443' in machine.file('/etc/kubernetes/admin.conf').read_text()


def test_a_further_control_plane_joins_with_the_key_of_its_certificates(machine: Machine, secret: Secret) -> None:
    hosts = inventory('further', cluster_join_secret_id=secret(WITH_KEY))

    done = machine.play('node', hosts)
    assert changes(done) > 0
    assert changes(machine.play('node', hosts)) == 0

    assert validated(machine, JOIN) == 'ok\n'
    joins = documents(machine, JOIN)['JoinConfiguration']
    assert joins['controlPlane'] == {'certificateKey': 'a' * 64}
    assert 'a' * 64 not in done.stdout and TOKEN['token'] not in done.stdout


def test_a_worker_joins_with_the_token_and_the_digest_of_the_authority(machine: Machine, secret: Secret) -> None:
    hosts = inventory('worker', cluster_join_secret_id=secret(TOKEN))

    done = machine.play('node', hosts)
    assert changes(done) > 0
    assert changes(machine.play('node', hosts)) == 0

    assert validated(machine, JOIN) == 'ok\n'
    joins = documents(machine, JOIN)['JoinConfiguration']
    assert joins['discovery']['bootstrapToken'] == {
        'apiServerEndpoint': 'api.example.com:6443',
        'token': TOKEN['token'],
        'caCertHashes': [TOKEN['ca_cert_hash']],
    }
    assert 'controlPlane' not in joins
    assert TOKEN['token'] not in done.stdout


def test_a_machine_in_place_of_the_first_joins_in_place_of_making_a_second_cluster(
    machine: Machine, secret: Secret
) -> None:
    changes(machine.play('node', first(secret(WITH_KEY), 3)))

    assert documents(machine, JOIN)['JoinConfiguration']['controlPlane'] == {'certificateKey': 'a' * 64}


def test_a_machine_in_place_of_the_only_one_says_that_the_cluster_is_lost(machine: Machine, secret: Secret) -> None:
    hosts = first(secret(WITH_KEY), 1)

    said = machine.play('node', hosts).stdout

    assert 'cv-inference-dev had this control plane alone: it is lost' in said
    assert not machine.file(JOIN).exists()


def test_a_further_control_plane_says_that_the_one_before_it_leaves_no_key(machine: Machine, secret: Secret) -> None:
    hosts = inventory('further', cluster_join_secret_id=secret(TOKEN))

    assert 'has no key of the certificates' in machine.play('node', hosts).stdout


def test_a_machine_that_has_joined_asks_for_no_token(machine: Machine) -> None:
    machine.write('/etc/kubernetes/kubelet.conf', 'joined\n')

    assert changes(machine.play('node', inventory('worker', cluster_join_secret_id='of-nobody'))) == 0


@pytest.mark.parametrize(
    ('wrong', 'said'),
    [
        ({'cluster_pod_cidr': '10.244.0.0'}, 'networking.podSubnet: Invalid value'),
        ({'cluster_endpoint': 'https://api'}, 'hostport https://api: port //api must be a valid number'),
    ],
)
def test_what_kubeadm_refuses_is_not_written(
    machine: Machine, secret: Secret, wrong: dict[str, object], said: str
) -> None:
    done = machine.play('node', first(secret(), 1), f'--extra-vars={json.dumps(wrong)}')

    assert said in done.stdout
    assert not machine.file(CLUSTER).exists()


def test_every_packet_of_a_pod_goes_by_vxlan(machine: Machine, secret: Secret) -> None:
    changes(machine.play('node', first(secret(), 1)))

    (daemon,) = yaml.safe_load_all(machine.run('kubectl', 'kustomize', '/etc/kubernetes/cni').stdout)
    assert daemon['spec']['template']['spec']['containers'][0]['env'] == [
        {'name': 'CALICO_IPV4POOL_VXLAN', 'value': 'Always'},
        {'name': 'DATASTORE_TYPE', 'value': 'kubernetes'},
    ]


def test_a_manifest_that_somebody_has_changed_is_not_applied(machine: Machine, secret: Secret) -> None:
    hosts = inventory('first', cluster_join_secret_id=secret(), cni_manifest_sha256='0' * 64)

    assert re.search(r'The checksum for \S+ did not match 0{64}', machine.play('node', hosts).stdout)
    assert not machine.file('/etc/kubernetes/cni/calico.yaml').exists()


def test_a_repository_with_the_key_of_somebody_else_is_not_trusted(machine: Machine) -> None:
    hosts = inventory('worker', cluster_join_secret_id='of-nobody', kubernetes_repository_fingerprint='0' * 40)

    assert f'Release.key has not the key {"0" * 40} alone.' in machine.play('node', hosts).stdout
    assert not machine.file('/etc/apt/keyrings/kubernetes.asc').exists()


def test_the_version_changes_by_an_upgrade_alone(machine: Machine) -> None:
    hosts, newer = inventory('worker', cluster_join_secret_id='of-nobody'), f'--extra-vars=kubernetes_version={NEXT}'

    said = f'This machine has kubelet {VERSION}-1.1, and {NEXT} is asked for: upgrade.yml'
    assert said in machine.play('node', hosts, newer).stdout

    assert changes(machine.play('upgrade', hosts, newer)) > 0
    assert changes(machine.play('upgrade', hosts, newer)) == 0
    installed = machine.run('dpkg-query', '--show', '--showformat=${Version} ', 'kubeadm', 'kubectl', 'kubelet').stdout
    assert installed.split() == [f'{NEXT}-1.1'] * 3
    assert machine.run('apt-mark', 'showhold').stdout.split() == ['kubeadm', 'kubectl', 'kubelet']
    machine.write('/etc/kubernetes/kubelet.conf', 'joined\n')
    assert changes(machine.play('node', hosts)) == 0


def test_refuses_another_debian(machine: Machine) -> None:
    machine.write('/etc/debian_version', '12.1\n')
    machine.write(
        '/usr/lib/os-release', 'ID=debian\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n'
    )

    done = machine.play('node', inventory('worker', cluster_join_secret_id='of-nobody'))

    assert 'These roles are for Debian 13; this is Debian 12.1.' in done.stdout
