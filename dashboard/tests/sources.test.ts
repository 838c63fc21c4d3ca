import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished, vi } from 'vitest';
import { type Notified, startAlertmanager } from '../../k8s/tests/support/alertmanager.js';
import { startScriptedServer } from '../../service/test/support/s3-server.js';
import { Admin } from './support/admin.js';
import { startDashboard } from './support/dashboard.js';
import { APPLICATIONS, application } from './support/objects.js';
import { type Prometheus, startPrometheus } from './support/prometheus.js';
import { Viewer } from './support/viewer.js';

const access = inject('apiServer');
const SOON = { timeout: 30_000, interval: 200 };
const DIGEST = `sha256:${'a'.repeat(64)}`;
const model = (pod: string, version = '1.0.0'): string =>
  `cv_model_info{namespace="cv-inference",pod="${pod}",name="digits",version="${version}",digest="${DIGEST}",provider="cpu"} 1`;
const decisions = (outcome: string, count: number): string =>
  `cv_bridge_decisions_total{namespace="cv-inference",outcome="${outcome}"} ${count}`;
const images = (name: string, count: number): string =>
  `cv:window_images:1h{namespace="cv-inference",model="${name}"} ${count}`;
const METRICS = [
  model('one'),
  model('two'),
  'cv_model_info{namespace="elsewhere",pod="one",name="other",version="1.0.0",digest="sha256:b",provider="cpu"} 1',
  'cv:input_psi:1h{namespace="cv-inference",model="digits",feature="brightness"} 0.31234',
  'cv:input_psi:1h{namespace="cv-inference",model="digits",feature="contrast"} 0.1',
  images('digits', 500),
  'cv:input_psi:1h{namespace="cv-inference",model="hardly-asked",feature="contrast"} 0.9',
  images('hardly-asked', 499),
  'cv:accuracy:1h{namespace="cv-inference",model="digits"} 0.8765',
  decisions('dispatched', 2),
];

let alertmanager: Notified;
let prometheus: Prometheus;

beforeAll(async () => {
  prometheus = await startPrometheus(METRICS);
  alertmanager = await startAlertmanager(
    { route: { receiver: 'nobody' }, receivers: [{ name: 'nobody' }] },
    {},
  );
});
afterAll(async () => {
  await prometheus?.close();
  await alertmanager?.close();
});

function alert(name: string, namespace: string, endsAt?: Date): object {
  return {
    labels: { alertname: name, severity: 'critical', namespace },
    annotations: { summary: `${name}, in words`, runbook_url: 'https://example.com/runbook' },
    ...(endsAt !== undefined && { endsAt: endsAt.toISOString() }),
  };
}

async function silence(name: string): Promise<void> {
  const answer = await fetch(`${alertmanager.url}/api/v2/silences`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      matchers: [{ name: 'alertname', value: name, isRegex: false, isEqual: true }],
      startsAt: new Date().toISOString(),
      endsAt: new Date(Date.now() + 3_600_000).toISOString(),
      createdBy: 'it',
      comment: 'known',
    }),
  });
  expect(answer.status).toBe(200);
}

describe('beside the cluster', () => {
  it('are the alerts of its namespaces, the models that its pods serve, and their drift', async () => {
    await vi.waitFor(async () => expect(await prometheus.count('cv_model_info')).toBe(3), SOON);
    await silence('Known');
    await alertmanager.send([
      alert('Firing', 'cv-inference'),
      alert('Known', 'cv-inference'),
      alert('Other', 'elsewhere'),
    ]);
    const { url, token } = access;
    const dashboard = await startDashboard({
      server: url,
      token,
      settings: { ALERTMANAGER_URL: `${alertmanager.url}/`, PROMETHEUS_URL: prometheus.url },
    });
    const viewer = await Viewer.open(dashboard.url);
    await viewer.until(({ items }) => items.size === 5);
    const items = [...viewer.items.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
    expect(items).toMatchObject([
      {
        kind: 'alert',
        name: 'Firing',
        severity: 'critical',
        summary: 'Firing, in words',
        silenced: false,
        runbook: 'https://example.com/runbook',
      },
      { kind: 'alert', name: 'Known', silenced: true },
      {
        kind: 'drift',
        name: 'digits',
        psi: { value: 0.312, statistic: 'brightness', isDrift: true },
        accuracy: 0.877,
      },
      { kind: 'model', name: 'digits', version: '1.0.0', digest: DIGEST, provider: 'cpu', pods: 2 },
      { kind: 'retraining', namespace: 'cv-inference', decisions: { dispatched: 2 } },
    ]);
    // What was there before anybody looked is no news.
    expect(viewer.timeline.map(({ text }) => text)).toEqual(['the dashboard has started']);

    await alertmanager.send([alert('Firing', 'cv-inference', new Date())]);
    await viewer.until(({ items }) => items.size === 4);
    expect(viewer.timeline.at(-1)).toMatchObject({ tone: 'good', text: 'alert Firing has ended' });
    viewer.leave();
    await dashboard.close();
  });

  it('is what changes there, in the timeline: a model, drift of two, and each decision once, also of a bridge started anew', async () => {
    const psi = (name: string, value: number): string =>
      `cv:input_psi:1h{namespace="cv-inference",model="${name}",feature="contrast"} ${value}`;
    const both = ['digits', 'faces'];
    const enough = both.map((name) => images(name, 600));
    const calm = both.map((name) => psi(name, 0.2));
    prometheus.expose([model('one'), ...calm, ...enough, decisions('dispatched', 2)]);
    onTestFinished(() => prometheus.expose(METRICS));
    await vi.waitFor(
      async () => expect(await prometheus.count('cv:input_psi:1h{feature="brightness"}')).toBe(0),
      SOON,
    );
    const dashboard = await startDashboard({
      server: access.url,
      token: access.token,
      settings: { PROMETHEUS_URL: prometheus.url },
    });
    const viewer = await Viewer.open(dashboard.url);
    await viewer.until(({ items }) => items.size === 4);
    prometheus.expose([model('one', '1.1.0'), ...both.map((name) => psi(name, 0.3)), ...enough]);
    await viewer.until(({ timeline }) => timeline.length === 5);
    prometheus.expose([
      model('one', '1.1.0'),
      psi('faces', 0.1),
      ...enough,
      decisions('dispatched', 1),
      decisions('circuit_open', 1),
    ]);
    await viewer.until(({ timeline }) => timeline.length === 8);
    const lines = viewer.timeline.map(({ tone, text }) => `${tone}: ${text}`);
    expect(lines.slice(1, 5).toSorted()).toEqual([
      'bad: digits: the images drift: contrast has a PSI of 0.30',
      'bad: faces: the images drift: contrast has a PSI of 0.30',
      `good: pods serve digits 1.1.0 (${DIGEST.slice(0, 19)}, cpu)`,
      `neutral: no pod serves digits 1.0.0 (${DIGEST.slice(0, 19)}, cpu) any more`,
    ]);
    expect(lines.slice(5).toSorted()).toEqual([
      'bad: a training was wanted, and not asked for: circuit open',
      'good: faces: the images no longer drift',
      'neutral: a training was asked for',
    ]);
    viewer.leave();
    await dashboard.close();
  });

  it('is what does not answer, and that is said', async () => {
    const { url, token } = access;
    const nobody = 'http://127.0.0.1:1';
    const dashboard = await startDashboard({
      server: url,
      token,
      settings: { ALERTMANAGER_URL: nobody, PROMETHEUS_URL: alertmanager.url },
    });
    const viewer = await Viewer.open(dashboard.url);
    await viewer.until(({ sources }) => sources.get('alerts')?.state === 'failed');
    expect(viewer.sources.get('alerts')?.reason).toContain('no answer: ');
    await viewer.until(({ sources }) => sources.get('metrics')?.state === 'failed');
    expect(viewer.sources.get('metrics')?.reason).toBe('answers 404');
    expect((await fetch(`${dashboard.url}/ready`)).status).toBe(200);
    viewer.leave();
    await dashboard.close();
  });
});

/** @returns the path of its file */
async function writeToken(token: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cv-dashboard-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'token');
  await writeFile(path, token);
  return path;
}

describe('a commit', () => {
  it('is known by its author and first line where Argo CD tells, and the token goes with the question', async () => {
    const asked: { url: string; headers: IncomingHttpHeaders }[] = [];
    const argocd = await startScriptedServer(({ url = '', headers }, response) => {
      asked.push({ url, headers });
      const metadata = {
        author: 'Ada Lovelace <ada@example.com>',
        date: '2026-01-15T10:30:00Z',
        message: 'A smaller batch\n\nSince',
      };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(metadata));
    });
    const tokenFile = await writeToken('a-token-of-argo-cd\n');
    const admin = new Admin(access);
    const revision = 'a1b2c3d4e5f60718293a4b5c6d7e8f9012345678';
    await admin.create(APPLICATIONS, application('production'));
    const comparedTo = application('production')['spec'];
    await admin.patch(`${APPLICATIONS}/production`, {
      status: { sync: { status: 'Synced', revision, comparedTo } },
    });
    const { url, token } = access;
    const dashboard = await startDashboard({
      server: url,
      token,
      settings: { ARGOCD_URL: argocd.url, ARGOCD_TOKEN_FILE: tokenFile },
    });
    const viewer = await Viewer.open(dashboard.url);
    await viewer.until(({ items }) => JSON.stringify([...items.values()]).includes('Ada'));
    expect(viewer.items.get('application/argocd/production')).toMatchObject({
      commit: { author: 'Ada Lovelace', subject: 'A smaller batch', at: '2026-01-15T10:30:00Z' },
    });
    expect(asked).toHaveLength(1);
    expect(asked[0]?.url).toBe(
      `/api/v1/applications/production/revisions/${revision}/metadata?appNamespace=argocd`,
    );
    expect(asked[0]?.headers.authorization).toBe('Bearer a-token-of-argo-cd');
    viewer.leave();
    await dashboard.close();
    await admin.delete(`${APPLICATIONS}/production`);
    admin.close();
    await argocd.close();
  });

  it('that may not be seen is said once for its application, and does not hide those of others', async () => {
    const argocd = await startScriptedServer(({ url = '' }, response) => {
      if (url.includes('/root/')) response.writeHead(403).end();
      else response.writeHead(200).end('{"author":"Ada","message":"One","date":"2026-01-15T10:30:00Z"}');
    });
    const tokenFile = await writeToken('a-token');
    const admin = new Admin(access);
    const compare = async (name: string, revision: string): Promise<void> => {
      const sync = { status: 'Synced', revision, comparedTo: application(name)['spec'] };
      await admin.patch(`${APPLICATIONS}/${name}`, { status: { sync } });
    };
    const both = ['root', 'production'];
    for (const name of both) await admin.create(APPLICATIONS, application(name));
    const { url, token } = access;
    const settings = { ARGOCD_URL: argocd.url, ARGOCD_TOKEN_FILE: tokenFile };
    const dashboard = await startDashboard({ server: url, token, settings });
    await dashboard.untilReady();
    const viewer = await Viewer.open(dashboard.url);
    for (const digit of ['1', '2', '3']) {
      const revision = digit.repeat(40);
      for (const name of both) await compare(name, revision);
      await viewer.until(({ items }) =>
        both.every((name) => {
          const item = items.get(`application/argocd/${name}`);
          return item?.kind === 'application' && item.revision === revision && item.commit?.author === 'Ada';
        }),
      );
    }
    expect(viewer.sources.get('commits')).toMatchObject({ state: 'failed', reason: 'root: answers 403' });
    const told = viewer.timeline.map(({ text }) => text).filter((text) => text.startsWith('commits '));
    expect(told).toEqual(['commits not seen: root: answers 403']);
    await admin.delete(`${APPLICATIONS}/root`);
    await viewer.until(({ sources }) => sources.get('commits')?.state === 'connected');
    viewer.leave();
    await dashboard.close();
    await admin.delete(`${APPLICATIONS}/production`);
    admin.close();
    await argocd.close();
  });
});

describe('the timeline', () => {
  it('outlives a restart where there is a file for it, and a line that a crash has torn', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cv-dashboard-'));
    const TIMELINE_FILE = join(folder, 'timeline.jsonl');
    const options = { server: access.url, token: access.token, settings: { TIMELINE_FILE } };
    const first = await startDashboard(options);
    await first.untilReady();
    const admin = new Admin(access);
    await admin.create(APPLICATIONS, application('kept'));
    const viewer = await Viewer.open(first.url);
    await viewer.until(({ timeline }) => timeline.length === 2);
    viewer.leave();
    await first.close();
    await writeFile(TIMELINE_FILE, '{"at":"2026-01-1', { flag: 'a' });
    const second = await startDashboard(options);
    const told = (await (await fetch(`${second.url}/timeline.json`)).json()) as { text: string }[];
    expect(told[1]).toEqual(viewer.timeline[1]);
    expect(told.map(({ text }) => text)).toEqual([
      'the dashboard has started',
      'application kept was added',
      'the dashboard has started',
    ]);
    await second.close();
    await admin.delete(`${APPLICATIONS}/kept`);
    admin.close();
    await rm(folder, { recursive: true });
  });

  it('that cannot be written is said before anything starts', async () => {
    const options = { server: access.url, token: access.token, settings: { TIMELINE_FILE: '/proc/it' } };
    await expect(startDashboard(options)).rejects.toThrow(/^TIMELINE_FILE cannot be written: /);
  });
});
