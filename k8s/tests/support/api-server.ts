import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { requiredTool } from './tools.js';

const START_TIMEOUT_MS = 60_000;
const POLL_MS = 200;

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A real kube-apiserver on etcd, without controllers, scheduler or nodes: what is written stays as it was written. */
export interface ApiServer {
  /** Runs kubectl against it; `input` becomes its standard input. */
  kubectl(args: readonly string[], input?: string): Promise<CommandResult>;
  readonly etcdUrl: string;
  close(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

function run(file: string, args: readonly string[], input = ''): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = execFile(file, args, { maxBuffer: 64 * 2 ** 20 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ code, stdout, stderr: stderr === '' && code !== 0 ? String(error) : stderr });
    });
    child.stdin?.end(input);
  });
}

function startDaemon(folder: string, name: string, args: readonly string[]): ChildProcess {
  const log = openSync(join(folder, `${name}.log`), 'a');
  const child = spawn(requiredTool(name), args, { cwd: folder, stdio: ['ignore', log, log] });
  process.once('exit', () => child.kill('SIGKILL'));
  return child;
}

/** Kills at once: what the daemons hold is thrown away. */
async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exited;
}

async function startEtcd(folder: string): Promise<{ child: ChildProcess; url: string }> {
  const url = `http://127.0.0.1:${await freePort()}`;
  const peerUrl = `http://127.0.0.1:${await freePort()}`;
  const child = startDaemon(folder, 'etcd', [
    `--data-dir=${join(folder, 'etcd')}`,
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
    '--unsafe-no-fsync',
    '--log-level=error',
  ]);
  return { child, url };
}

async function startKubeApiserver(
  folder: string,
  etcdUrl: string,
  token: string,
  port: number,
  flags: readonly string[],
) {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  await writeFile(join(folder, 'service-accounts.key'), privateKey);
  await writeFile(join(folder, 'service-accounts.pub'), publicKey);
  await writeFile(join(folder, 'tokens.csv'), `${token},admin,admin,system:masters\n`);
  return startDaemon(folder, 'kube-apiserver', [
    `--etcd-servers=${etcdUrl}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    `--cert-dir=${join(folder, 'certificates')}`,
    `--token-auth-file=${join(folder, 'tokens.csv')}`,
    '--authorization-mode=RBAC',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${join(folder, 'service-accounts.pub')}`,
    `--service-account-signing-key-file=${join(folder, 'service-accounts.key')}`,
    '--service-cluster-ip-range=10.0.0.0/16',
    '--allow-privileged=true',
    ...flags,
  ]);
}

function kubeconfig(folder: string, port: number, token: string): string {
  const named = (key: string, value: unknown) => [{ name: 'checks', [key]: value }];
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'checks',
    clusters: named('cluster', {
      server: `https://127.0.0.1:${port}`,
      'certificate-authority': join(folder, 'certificates/apiserver.crt'),
    }),
    users: named('user', { token }),
    contexts: named('context', { cluster: 'checks', user: 'checks' }),
  });
}

async function untilReady(kubectl: ApiServer['kubectl'], daemons: readonly ChildProcess[], folder: string) {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while ((await kubectl(['get', '--raw', '/readyz'])).code !== 0) {
    if (Date.now() > deadline || daemons.some(({ exitCode }) => exitCode !== null)) {
      const logs = ['etcd.log', 'kube-apiserver.log'].map((name) => readFileSync(join(folder, name), 'utf8'));
      throw new Error(`the API server did not start:\n${logs.join('\n').slice(-4000)}`);
    }
    await delay(POLL_MS);
  }
}

/**
 * Starts etcd and kube-apiserver on free ports of the loopback interface; both are gone after close().
 * @param serverFlags more of them, for kube-apiserver
 */
export async function startApiServer(serverFlags: readonly string[] = []): Promise<ApiServer> {
  const folder = await mkdtemp(join(tmpdir(), 'cv-api-server-'));
  const token = randomUUID();
  const port = await freePort();
  const etcd = await startEtcd(folder);
  const server = await startKubeApiserver(folder, etcd.url, token, port, serverFlags);
  const config = join(folder, 'kubeconfig');
  await writeFile(config, kubeconfig(folder, port, token));

  const flags = [`--kubeconfig=${config}`, `--cache-dir=${join(folder, 'discovery')}`];
  const kubectl = (args: readonly string[], input?: string) =>
    run(requiredTool('kubectl'), [...flags, ...args], input);
  const close = async () => {
    await kill(server);
    await kill(etcd.child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await untilReady(kubectl, [etcd.child, server], folder);
  } catch (error) {
    await close();
    throw error;
  }
  return { kubectl, etcdUrl: etcd.url, close };
}
