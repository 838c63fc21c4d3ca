import { once } from 'node:events';
import { afterAll, afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import type { Snapshot } from '../items.js';
import { Admin } from './support/admin.js';
import { type RunningDashboard, startDashboard } from './support/dashboard.js';
import {
  ANALYSES,
  APPLICATIONS,
  AUTOSCALERS,
  analysis,
  application,
  autoscaler,
  PODS,
  pod,
  podReady,
  ROLLOUTS,
  rollout,
} from './support/objects.js';
import { BreakingProxy } from './support/proxy.js';
import { Viewer } from './support/viewer.js';

const access = inject('apiServer');
const admin = new Admin(access);
const SOON = { timeout: 20_000, interval: 50 };
/** Of one namespace: applications, pods, autoscalers, rollouts, analyses. */
const SOURCES = 5;

let proxy: BreakingProxy;
let dashboard: RunningDashboard;

beforeEach(async () => {
  proxy = await BreakingProxy.start(access);
  dashboard = await startDashboard({ server: proxy.url, token: access.token });
});

afterEach(async () => {
  await dashboard.close();
  await proxy.close();
  for (const collection of [PODS, ROLLOUTS, ANALYSES, AUTOSCALERS, APPLICATIONS]) {
    // 404 where a test took the kind away and failed.
    await admin.request('DELETE', `${collection}?gracePeriodSeconds=0`);
  }
});

afterAll(() => admin.close());

function isConnected({ sources }: Viewer): boolean {
  return sources.size === SOURCES && [...sources.values()].every(({ state }) => state === 'connected');
}

async function createPods(names: readonly string[]): Promise<void> {
  await Promise.all(names.map((name) => admin.create(PODS, pod(name))));
}

/** What the timeline says of pods from an entry on. */
function podsTold({ timeline }: Viewer, from: number): string[] {
  return timeline.slice(from).flatMap(({ kind, text }) => (kind === 'pod' ? [text] : []));
}

function names(count: number, prefix = 'pod'): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
}

describe('what it sees of a cluster', () => {
  it('is what a rollout does, its analysis, its pods, autoscaler and application, and the words for it', async () => {
    const viewer = await Viewer.open(dashboard.url);
    await viewer.until(isConnected);
    await admin.create(APPLICATIONS, application('production'));
    await admin.create(ROLLOUTS, rollout('cv-inference'));
    await admin.create(AUTOSCALERS, autoscaler('cv-inference'));
    await createPods(['one']);
    await viewer.until(({ items }) => items.size === 4);

    await admin.patch(`${PODS}/one/status`, podReady());
    // Neither Argo's definition of an application nor that of a rollout is without a part for the status.
    await admin.patch(`${APPLICATIONS}/production`, {
      status: {
        sync: {
          status: 'Synced',
          revision: 'a1b2c3d4e5f60718293a4b5c6d7e8f9012345678',
          comparedTo: application('production')['spec'],
        },
        health: { status: 'Progressing' },
      },
    });
    await admin.patch(`${ROLLOUTS}/cv-inference/status`, {
      status: { phase: 'Healthy', stableRS: 'aaa', currentPodHash: 'aaa', currentStepIndex: 2 },
    });
    await admin.patch(`${ROLLOUTS}/cv-inference/status`, {
      status: {
        phase: 'Progressing',
        currentPodHash: 'bbb',
        currentStepIndex: 1,
        replicas: 3,
        updatedReplicas: 1,
      },
    });
    await admin.create(ANALYSES, analysis('cv-inference-bbb-2', 'cv-inference', 'bbb'));
    await admin.patch(`${ANALYSES}/cv-inference-bbb-2`, {
      status: { phase: 'Failed', message: 'error-rate failed' },
    });
    await admin.patch(`${ROLLOUTS}/cv-inference/status`, {
      status: { phase: 'Degraded', abort: true, message: 'aborted: error-rate failed', updatedReplicas: 0 },
    });
    await admin.patch(`${AUTOSCALERS}/cv-inference/status`, {
      status: { currentReplicas: 2, desiredReplicas: 5 },
    });
    await viewer.until(({ timeline }) => timeline.some(({ text }) => text.includes('2 → 5 pods')));

    expect(viewer.items.get('pod/cv-inference/one')).toMatchObject({ phase: 'Running', ready: true });
    expect(viewer.items.get('rollout/cv-inference/cv-inference')).toMatchObject({
      phase: 'Degraded',
      aborted: true,
      steps: ['20 % of the traffic', 'analysis cv-inference'],
      stable: 'aaa',
      current: 'bbb',
      analyses: [{ name: 'cv-inference-bbb-2', phase: 'Failed' }],
    });
    const told = viewer.timeline.map(({ text }) => text);
    for (const line of [
      'application production was added',
      'production is synced to a1b2c3d4e',
      'pod one is ready',
      'cv-inference: version bbb comes',
      'cv-inference: 33 % of the traffic to version bbb',
      'cv-inference: analysis cv-inference-bbb-2 failed: error-rate failed',
      'cv-inference is aborted: aborted: error-rate failed',
      'autoscaler cv-inference: 2 → 5 pods (cpu ? of 60 %)',
    ]) {
      expect(told).toContain(line);
    }
    const state = (await (await fetch(`${dashboard.url}/state`)).json()) as Snapshot;
    expect(new Set(state.items.map(({ id }) => id))).toEqual(new Set(viewer.items.keys()));
    expect(await (await fetch(`${dashboard.url}/timeline.json`)).json()).toEqual(state.timeline);
    viewer.leave();
  });

  it('is nothing that its rights do not name', async () => {
    const asked = [
      '/api/v1/namespaces/cv-inference/secrets',
      '/api/v1/namespaces/cv-inference/configmaps',
      '/api/v1/namespaces/kube-system/pods',
      '/api/v1/namespaces/argocd/pods',
      '/api/v1/pods',
      '/apis/argoproj.io/v1alpha1/applications',
    ];
    for (const path of asked) {
      expect([path, (await admin.request('GET', path, undefined, access)).status]).toEqual([path, 403]);
    }
    const made = await admin.request('POST', PODS, pod('one'), access);
    expect(made.status).toBe(403);
    expect((await admin.request('GET', PODS, undefined, access)).status).toBe(200);
  });

  it('is six hundred pods, of which a storm is few events, over one watch for each kind', async () => {
    const viewer = await Viewer.open(dashboard.url);
    await viewer.until(isConnected);
    await createPods(names(600));
    await viewer.until(({ items }) => items.size === 600);
    expect(viewer.events.length).toBeLessThan(300);
    expect(viewer.timeline.filter(({ text }) => text.endsWith('was created'))).toHaveLength(600);
    expect(proxy.watches).toBe(SOURCES);

    const late = await Viewer.open(dashboard.url);
    await late.until(({ items }) => items.size === 600);
    expect(late.types).toEqual(['snapshot']);

    const gone = await admin.request('DELETE', `${PODS}?gracePeriodSeconds=0`);
    expect(gone.status).toBe(200);
    await viewer.until(({ items }) => items.size === 0);
    await late.until(({ items }) => items.size === 0);
    expect(proxy.watches).toBe(SOURCES);
    viewer.leave();
    late.leave();
  });
});

describe('a watch that breaks', () => {
  it('goes on where it was, and loses nothing of what happened meanwhile', async () => {
    const viewer = await Viewer.open(dashboard.url);
    await viewer.until(isConnected);
    await createPods(names(3));
    await viewer.until(({ items }) => items.size === 3);
    const { lists } = proxy;
    const before = viewer.timeline.length;
    proxy.isDown = true;
    proxy.cut();
    await createPods(['four']);
    await admin.delete(`${PODS}/pod-0`);
    proxy.isDown = false;
    await viewer.until(({ items }) => items.size === 3 && items.has('pod/cv-inference/four'));
    await viewer.until(isConnected);
    expect(viewer.items.has('pod/cv-inference/pod-0')).toBe(false);
    const told = podsTold(viewer, before);
    expect(told).toEqual(['pod four was created', 'pod pod-0 ends', 'pod pod-0 is gone']);
    expect(proxy.lists).toBe(lists);
    viewer.leave();
  });

  it('lists anew where its version has expired, and says what came and went', async () => {
    const viewer = await Viewer.open(dashboard.url);
    await viewer.until(isConnected);
    await createPods(names(3));
    await viewer.until(({ items }) => items.size === 3);
    const { lists } = proxy;
    const before = viewer.timeline.length;
    proxy.isDown = true;
    proxy.cut();
    await createPods(['four']);
    await admin.delete(`${PODS}/pod-0`);
    await admin.forgetThePast();
    proxy.isDown = false;
    await viewer.until(({ items }) => items.size === 3 && items.has('pod/cv-inference/four'));
    await viewer.until(isConnected);
    const told = podsTold(viewer, before);
    expect(told).toEqual(['pod pod-0 is gone', 'pod four was created']);
    expect(proxy.lists).toBeGreaterThan(lists);
    viewer.leave();
  });

  it('says so while the API server is away, keeps what it had, and comes back by itself', async () => {
    await createPods(names(2));
    const viewer = await Viewer.open(dashboard.url);
    await viewer.until(({ items }) => items.size === 2);
    proxy.isDown = true;
    proxy.cut();
    await viewer.until(({ sources }) => [...sources.values()].every(({ state }) => state === 'failed'));
    expect(viewer.items.size).toBe(2);
    proxy.isDown = false;
    await viewer.until(isConnected);
    const told = viewer.timeline.map(({ text }) => text);
    expect(told).toContain('pods in cv-inference seen again');
    const restarts = await dashboard.metric(
      'cv_dashboard_watch_restarts_total{source="pods in cv-inference"}',
    );
    expect(restarts).toBeGreaterThan(0);
    viewer.leave();
  });
});

describe('a kind that is not there', () => {
  it('is absent until it comes, and what there was of it is gone with it', async () => {
    await admin.create(ROLLOUTS, rollout('cv-inference'));
    const viewer = await Viewer.open(dashboard.url);
    await viewer.until(({ items }) => items.has('rollout/cv-inference/cv-inference'));
    await viewer.until(isConnected);
    const definition = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    const { body } = await admin.request('GET', `${definition}/rollouts.argoproj.io`);
    await admin.delete(`${definition}/rollouts.argoproj.io`);
    await viewer.until(({ sources }) => sources.get('rollouts in cv-inference')?.state === 'absent');
    await viewer.until(({ items }) => items.size === 0);
    expect((await fetch(`${dashboard.url}/ready`)).status).toBe(200);

    const { metadata, status, ...definitionBefore } = body as Record<string, Record<string, unknown>>;
    const { name, annotations } = metadata ?? {};
    await admin.create(definition, { ...definitionBefore, metadata: { name: String(name), annotations } });
    await vi.waitFor(() => admin.create(ROLLOUTS, rollout('cv-inference')), SOON);
    await viewer.until(({ items }) => items.has('rollout/cv-inference/cv-inference'));
    expect(viewer.timeline.at(-1)?.text).toBe('rollout cv-inference was added');
    viewer.leave();
  });
});

describe('what is forbidden', () => {
  it('is said with the reason, and the rest is shown', async () => {
    const other = await startDashboard({
      server: proxy.url,
      token: access.token,
      settings: { NAMESPACES: 'cv-inference,default' },
    });
    const viewer = await Viewer.open(other.url);
    await viewer.until(({ sources }) => sources.get('pods in default')?.state === 'failed');
    expect(viewer.sources.get('pods in default')?.reason).toContain('pods is forbidden');
    await viewer.until(({ sources }) => sources.get('pods in cv-inference')?.state === 'connected');
    await vi.waitFor(async () => expect((await fetch(`${other.url}/ready`)).status).toBe(200), SOON);
    viewer.leave();
    await other.close();
  });
});

describe('an API server that is away from the start', () => {
  it('is waited for: the dashboard is there, and not ready', async () => {
    proxy.isDown = true;
    const early = await startDashboard({ server: proxy.url, token: access.token });
    expect((await fetch(`${early.url}/health`)).status).toBe(200);
    expect((await fetch(`${early.url}/ready`)).status).toBe(503);
    proxy.isDown = false;
    await vi.waitFor(async () => expect((await fetch(`${early.url}/ready`)).status).toBe(200), SOON);
    await early.close();
  });
});

describe('the end', () => {
  it('closes every stream', async () => {
    const own = await startDashboard({ server: proxy.url, token: access.token });
    const viewer = await Viewer.open(own.url);
    await viewer.until(isConnected);
    const closed = once(viewer.response, 'close');
    await own.close();
    await closed;
    await expect(fetch(`${own.url}/health`)).rejects.toThrow();
  });
});
