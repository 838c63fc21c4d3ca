import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http, { type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { Admin } from './support/admin.js';
import { PODS, pod, podReady } from './support/objects.js';

const ROOT = join(import.meta.dirname, '../..');
const MIB = 2 ** 20;
const CHURN_MS = 8000;
const COUNT_OF_PODS = 400;
const COUNT_OF_ASKING = 300;
const access = inject('apiServer');
const admin = new Admin(access);

let folder: string;
let dashboard: ChildProcess;
let url: string;
const watching = new Set<IncomingMessage>();
const asking = new Set<IncomingMessage>();

/** The built dashboard, in a process of its own. */
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cv-dashboard-'));
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, JSON.stringify(configFor(access.url, access.token)));
  dashboard = spawn(process.execPath, [join(ROOT, 'dashboard/dist/dashboard/main.js')], {
    env: {
      KUBECONFIG: kubeconfig,
      HOST: '127.0.0.1',
      PORT: '0',
      TIMELINE_FILE: join(folder, 'timeline.jsonl'),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (dashboard.stdout === null) throw new Error('nothing to read from');
  for await (const line of createInterface(dashboard.stdout)) {
    url = JSON.parse(line).address ?? '';
    if (url !== '') break;
  }
});

afterEach(async () => {
  for (const response of [...watching, ...asking]) response.destroy();
  dashboard.kill();
  if (dashboard.exitCode === null && dashboard.signalCode === null) await once(dashboard, 'exit');
  await admin.request('DELETE', `${PODS}?gracePeriodSeconds=0`);
  admin.close();
  await rm(folder, { recursive: true });
});

function configFor(server: string, token: string): unknown {
  return {
    'current-context': 'it',
    clusters: [{ name: 'it', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'it', user: { token } }],
    contexts: [{ name: 'it', context: { cluster: 'it', user: 'it' } }],
  };
}

/** Somebody who watches, and comes back when the stream ends. */
async function watch(take: (response: IncomingMessage) => void): Promise<void> {
  const request = http.get(`${url}/events`, { agent: false });
  request.on('error', () => undefined);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  watching.add(response);
  response.on('error', () => undefined);
  response.on('close', () => {
    if (watching.delete(response) && dashboard.exitCode === null && !dashboard.killed)
      watch(take).catch(() => undefined);
  });
  take(response);
}

/** Somebody who asks for everything at once and takes none of it. */
async function ask(): Promise<void> {
  const request = http.get(`${url}/state`, { agent: false });
  request.on('error', () => undefined);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.on('error', () => undefined);
  asking.add(response.pause());
}

function slowly(response: IncomingMessage): void {
  const reading = setInterval(() => response.read(16 * 1024), 200);
  response.on('close', () => clearInterval(reading));
}

/** What the process had at most of the machine's memory, as the kernel counts it. */
function peakBytes(): number {
  const [, kilobytes] =
    /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${dashboard.pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

it('never takes the memory that its component allows, while hundreds of pods change and many watch or ask, and take it slowly or not at all', async () => {
  const component = readFileSync(join(ROOT, 'k8s/components/deployment-dashboard/server.yaml'), 'utf8');
  const limit = Number(/limits:\n +memory: (\d+)Mi\n/.exec(component)?.[1]) * MIB;
  const names = Array.from({ length: COUNT_OF_PODS }, (_, index) => `pod-${index}`);
  await Promise.all(names.map((name) => admin.create(PODS, pod(name))));
  await Promise.all(Array.from({ length: 100 }, () => watch((response) => response.resume())));
  await Promise.all(Array.from({ length: 50 }, () => watch(slowly)));
  await Promise.all(Array.from({ length: 50 }, () => watch((response) => response.pause())));
  const end = performance.now() + CHURN_MS;
  for (let round = 1; performance.now() < end || asking.size < COUNT_OF_ASKING; round += 1) {
    const patched = names.map((name) => admin.patch(`${PODS}/${name}/status`, podReady(round)));
    if (asking.size < COUNT_OF_ASKING) await Promise.all(Array.from({ length: 100 }, ask));
    await Promise.all(patched);
  }
  expect([watching.size, asking.size]).toEqual([200, COUNT_OF_ASKING]);
  expect(peakBytes()).toBeGreaterThan(20 * MIB);
  expect(peakBytes()).toBeLessThan(0.8 * limit);
});
