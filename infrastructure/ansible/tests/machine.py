"""A machine to run the roles on: a root file system without an init, and the packages that others publish."""

import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

import yaml

ANSIBLE = Path(__file__).parent.parent
VERSION = yaml.safe_load((ANSIBLE / 'group_vars/all.yml').read_text())['kubernetes_version']
CLUSTER_PLAY = ANSIBLE.parent / 'modules/kubernetes-ec2/cluster-play'
INVENTORIES = yaml.safe_load((ANSIBLE / 'tests/inventories.yaml').read_text())
NEXT = re.sub(r'\d+$', lambda patch: str(int(patch[0]) + 1), VERSION)
# Mounts are gone with the process that made them.
ENTER = """
set -e
mount -t overlay overlay -o "lowerdir=$LOWER,upperdir=$UPPER,workdir=$WORK" "$ROOT"
mount --bind /dev "$ROOT/dev"
mount -t proc proc "$ROOT/proc"
mount --bind "$PACKAGES" "$ROOT/srv"
exec chroot "$ROOT" "$@"
"""
# The part of Calico's manifest that is changed.
CALICO = """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: calico-node, namespace: kube-system}
spec:
  selector: {matchLabels: {k8s-app: calico-node}}
  template:
    metadata: {labels: {k8s-app: calico-node}}
    spec:
      containers:
        - name: calico-node
          image: quay.io/calico/node:v3
          env:
            - {name: DATASTORE_TYPE, value: kubernetes}
            - {name: CALICO_IPV4POOL_VXLAN, value: CrossSubnet}
"""
UNIT = '[Service]\nExecStart=/usr/bin/true\n[Install]\nWantedBy=multi-user.target\n'


class Repository:
    """A signed repository of packages such as pkgs.k8s.io, as files of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def add(self, name: str, version: str, program: Path | None = None, unit: bool = False) -> Path:
        """A package with a program, a unit, or neither; its file."""
        tree = self.folder / 'tree'
        control = tree / 'DEBIAN/control'
        control.parent.mkdir(parents=True)
        control.write_text(
            f'Package: {name}\nVersion: {version}\nArchitecture: amd64\n'
            f'Maintainer: nobody <nobody@example.com>\nDescription: {name}\n'
        )
        if program:
            (tree / 'usr/bin').mkdir(parents=True)
            os.link(program, tree / 'usr/bin' / name)
        if unit:
            (tree / 'usr/lib/systemd/system').mkdir(parents=True)
            (tree / f'usr/lib/systemd/system/{name}.service').write_text(UNIT)
        file = self.folder / f'{name}_{version}_amd64.deb'
        call('dpkg-deb', '-Znone', '--root-owner-group', '--build', tree, file)
        shutil.rmtree(tree)
        return file

    def publish(self, home: Path) -> None:
        """Lists all packages, signed by a key of its own."""
        packages = call('dpkg-scanpackages', '--multiversion', '.', cwd=self.folder).encode()
        (self.folder / 'Packages').write_bytes(packages)
        digest = hashlib.sha256(packages).hexdigest()
        release = f'Origin: checks\nSuite: /\nSHA256:\n {digest} {len(packages)} Packages\n'
        (self.folder / 'Release').write_text(release)
        home.mkdir(mode=0o700)
        gpg = ('gpg', '--homedir', home, '--batch', '--yes', '--pinentry-mode', 'loopback', '--passphrase', '')
        call(*gpg, '--quick-generate-key', 'checks <checks@example.com>', 'rsa3072', 'sign', 'never')
        call(*gpg, '--armor', '--output', self.folder / 'Release.key', '--export')
        (fingerprint,) = re.findall(r'pub:.*\nfpr:+(\w+):', call(*gpg, '--with-colons', '--list-keys'))
        (self.folder / 'fingerprint').write_text(fingerprint)
        call(*gpg, '--clearsign', '--output', self.folder / 'InRelease', self.folder / 'Release')
        call('gpgconf', '--homedir', home, '--kill', 'all')


class Machine:
    """A root file system above others that stay as they are, with the roles where cloud-init puts them."""

    def __init__(self, folder: Path, below: Sequence[Path], packages: Path, environment: Mapping[str, str]) -> None:
        self.below, self.packages, self.aws = below, packages, environment
        self.upper, work, root = folder / 'upper', folder / 'work', folder / 'root'
        for each in (self.upper, work, root):
            each.mkdir(parents=True)
        shutil.copytree(ANSIBLE, self.upper / 'opt/cluster', ignore=shutil.ignore_patterns('tests', '.*'))
        self.write_program('/usr/local/sbin/cluster-play', CLUSTER_PLAY.read_text())
        self.environment = {
            'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
            'HOME': '/root',
            'LC_ALL': 'C.UTF-8',
            'SYSTEMD_OFFLINE': '1',
            'ANSIBLE_NOCOLOR': '1',
            'ANSIBLE_PIPELINING': '1',
            'LOWER': ':'.join(map(str, below)),
            'UPPER': str(self.upper),
            'WORK': str(work),
            'ROOT': str(root),
            'PACKAGES': str(packages),
            **environment,
        }

    def copy(self, folder: Path) -> 'Machine':
        """A machine that begins as this one is now, which must then stay so."""
        return Machine(folder, (self.upper, *self.below), self.packages, self.aws)

    def run(self, *command: object) -> subprocess.CompletedProcess[str]:
        """What a command did on the machine; its output has both streams."""
        return subprocess.run(
            ['unshare', '--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', ENTER, 'sh', *map(str, command)],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )

    def play(
        self, playbook: str, inventory: Mapping[str, object], *arguments: str, skip: str = 'cluster'
    ) -> subprocess.CompletedProcess[str]:
        """A playbook, but for the tasks with a tag: those that need a running cluster, where nothing else is said."""
        fingerprint = (self.packages / 'fingerprint').read_text()
        everywhere = {'all': {'vars': {'kubernetes_repository_fingerprint': fingerprint}}}
        self.write('/etc/cluster/inventory.yaml', json.dumps({**everywhere, **inventory}))
        return self.run('cluster-play', playbook, f'--skip-tags={skip}', *arguments)

    def write(self, path: str, text: str) -> None:
        file = self.upper / path.lstrip('/')
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def write_program(self, path: str, text: str) -> None:
        self.write(path, text)
        self.file(path).chmod(0o755)

    def file(self, path: str) -> Path:
        """A file that was written on this machine."""
        return self.upper / path.lstrip('/')


class Server:
    """A program that listens on this machine, until the block or these tests end, however they do."""

    def __init__(self, command: Sequence[object], log: Path) -> None:
        self.log = log
        with log.open('w') as output:
            self.process = subprocess.Popen(
                ['setpriv', '--pdeathsig', 'KILL', *map(str, command)], stdout=output, stderr=subprocess.STDOUT
            )

    def wait_for(self, port: int) -> None:
        """Until it listens; fails as `wait` does."""
        self.wait(lambda: listens(port))

    def wait(self, ready: Callable[[], bool]) -> None:
        """Until it is ready; fails with its log where it has ended instead, or is not within two minutes."""
        deadline = time.monotonic() + 120
        while not ready():
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(('127.0.0.1', port)) == 0


def free_port() -> int:
    with socket.create_server(('127.0.0.1', 0)) as free:
        return free.getsockname()[1]


def inventory(machine: str, **variables: object) -> dict[str, object]:
    """That of a machine, `first`, `further` or `worker`, but for variables and where packages come from."""
    [(group, rendered)] = INVENTORIES[machine].items()
    packages = {
        'kubernetes_repository': 'file:///srv/',
        'session_manager_package': '/srv/amazon-ssm-agent.deb',
        'cni_manifest': 'file:///srv/calico.yaml',
        'cni_manifest_sha256': hashlib.sha256(CALICO.encode()).hexdigest(),
        'join_attempts': 0,
    }
    return {group: {**rendered, 'vars': {**rendered['vars'], **packages, **variables}}}


def changes(done: subprocess.CompletedProcess[str]) -> int:
    """How many tasks of a successful play have changed something."""
    recap = re.search(r'^localhost +: ok=\d+ +changed=(\d+) +unreachable=0 +failed=0', done.stdout, re.MULTILINE)
    assert done.returncode == 0 and recap, done.stdout
    return int(recap[1])


def call(*command: object, cwd: Path | None = None) -> str:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
