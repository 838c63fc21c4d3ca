import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { startAlertmanager } from '../../k8s/tests/support/alertmanager.js';
import {
  axeFindings,
  closeBrowserAtEnd,
  PHONE,
  visitUrl,
} from '../../service/playground/tests/browser.test-support.js';
import { startScriptedServer } from '../../service/test/support/s3-server.js';
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
import { startPrometheus } from './support/prometheus.js';

closeBrowserAtEnd();
const access = inject('apiServer');
const admin = new Admin(access);
const SOON = { timeout: 30_000, interval: 200 };
const DIGEST = `sha256:${'a'.repeat(64)}`;
const REVISION = 'a1b2c3d4e5f60718293a4b5c6d7e8f9012345678';
/** What browsers write down of a stream that cannot be had. */
const AWAY = [/ERR_CONNECTION_REFUSED/, /ERR_INCOMPLETE_CHUNKED_ENCODING/];

let dashboard: RunningDashboard;

beforeEach(async () => {
  dashboard = await startDashboard({ server: access.url, token: access.token });
  await dashboard.untilReady();
});
afterEach(async () => {
  await dashboard.close();
  for (const collection of [PODS, ROLLOUTS, ANALYSES, AUTOSCALERS, APPLICATIONS])
    await admin.request('DELETE', `${collection}?gracePeriodSeconds=0`);
});
afterAll(() => admin.close());

async function open(options: BrowserContextOptions = {}, expected: readonly RegExp[] = []): Promise<Page> {
  const { page } = await visitUrl(`${dashboard.url}/`, options, expected);
  await page.locator('#connection').filter({ hasText: 'Live' }).waitFor();
  return page;
}

/** A canary at a fifth of the traffic, whose analysis goes on. */
async function startCanary(): Promise<void> {
  await admin.create(APPLICATIONS, application('production'));
  await admin.patch(`${APPLICATIONS}/production`, {
    status: {
      sync: { status: 'Synced', revision: REVISION, comparedTo: application('production')['spec'] },
      health: { status: 'Progressing' },
    },
  });
  await admin.create(AUTOSCALERS, autoscaler('cv-inference'));
  await admin.patch(`${AUTOSCALERS}/cv-inference/status`, {
    status: { currentReplicas: 2, desiredReplicas: 3 },
  });
  await admin.create(ROLLOUTS, rollout('cv-inference'));
  await admin.patch(`${ROLLOUTS}/cv-inference/status`, {
    status: {
      phase: 'Progressing',
      stableRS: 'aaa',
      currentPodHash: 'bbb',
      currentStepIndex: 1,
      canary: { weights: { canary: { weight: 20 }, stable: { weight: 80 } } },
    },
  });
  await admin.create(ANALYSES, analysis('cv-inference-bbb-1', 'cv-inference', 'bbb'));
  await admin.patch(`${ANALYSES}/cv-inference-bbb-1`, {
    status: {
      phase: 'Running',
      metricResults: [
        {
          name: 'error-rate',
          phase: 'Running',
          count: 2,
          measurements: [{ phase: 'Successful', value: '[0.01]' }],
        },
      ],
    },
  });
  await admin.create(PODS, pod('old', { 'rollouts-pod-template-hash': 'aaa' }));
  await admin.create(PODS, pod('new', { 'rollouts-pod-template-hash': 'bbb' }));
  await admin.patch(`${PODS}/old/status`, podReady());
}

/** What a canary's analysis does to it. */
async function failCanary(message: string): Promise<void> {
  await admin.patch(`${ANALYSES}/cv-inference-bbb-1`, { status: { phase: 'Failed', message } });
  await admin.patch(`${ROLLOUTS}/cv-inference/status`, {
    status: { phase: 'Degraded', abort: true, message },
  });
}

/** What stands before the dashboard and passes a stream on when that ends, and not before. */
function startHoldingProxy(target: string, passesHead: boolean) {
  return startScriptedServer(async ({ url = '' }, response) => {
    if (url !== '/events') {
      const answer = await fetch(target + url);
      response.writeHead(answer.status, Object.fromEntries(answer.headers));
      response.end(await answer.bytes());
    } else if (passesHead) response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
  });
}

/** What stands before the dashboard and, once mute, passes nothing on any more and ends nothing: as a network that is gone. */
async function startMutingProxy(target: string) {
  let isMute = false;
  const server = await startScriptedServer(({ url = '', headers }, response) => {
    if (isMute) return;
    const { 'last-event-id': lastEventId } = headers;
    const passed = get(
      target + url,
      { agent: false, headers: lastEventId ? { 'last-event-id': lastEventId } : {} },
      (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers).flushHeaders();
        answer.on('data', (chunk) => isMute || response.write(chunk));
        answer.on('end', () => isMute || response.end());
      },
    );
    response.on('close', () => passed.destroy());
  });
  return {
    ...server,
    setMute: (mute: boolean) => {
      isMute = mute;
    },
  };
}

const environment = (page: Page) => page.getByRole('region', { name: 'production' });
const entries = (page: Page) => page.locator('#entries li');

describe('the page', () => {
  it('says that there is nothing where there is nothing', async () => {
    const page = await open();
    await page.getByText('There are no pods in the namespaces that are watched.').waitFor();
    await entries(page).filter({ hasText: 'the dashboard has started' }).waitFor();
    expect(await axeFindings(page)).toEqual([]);
  });

  it('shows a canary while it goes on, how it fails, and the way back, without being asked', async () => {
    const page = await open();
    await startCanary();
    const its = environment(page);
    await its.getByText('20 % of the traffic', { exact: false }).first().waitFor();
    await its.getByText('2 pods, 1 ready, 1 of the version that comes').waitFor();
    await its.getByText('2 → 3 pods of 2 to 10').waitFor();
    await its
      .locator('.commit')
      .filter({ hasText: REVISION.slice(0, 9) })
      .waitFor();
    expect(await its.locator('.step.is-now').textContent()).toBe('analysis cv-inference');
    await its.getByText('0 of 2 failed').waitFor();

    await failCanary('error-rate failed <b>twice</b>');
    await its.getByText('Aborted', { exact: true }).waitFor();
    // Text of others stays text.
    await its.getByText('error-rate failed <b>twice</b>').first().waitFor();
    expect(await page.locator('b').count()).toBe(0);
    await entries(page).filter({ hasText: 'cv-inference is aborted' }).waitFor();
    expect(await page.locator('#spoken').textContent()).toContain('cv-inference is aborted');

    await admin.patch(`${ROLLOUTS}/cv-inference/status`, {
      status: { phase: 'Healthy', abort: null, message: null, currentPodHash: 'aaa', currentStepIndex: 2 },
    });
    await admin.delete(`${PODS}/new`);
    await entries(page).filter({ hasText: 'cv-inference: back to version aaa' }).waitFor();
    await its.getByText('1 pod, 1 ready', { exact: true }).waitFor();
    expect(await its.locator('.steps').count()).toBe(0);
  });

  it.each([
    ['light', { colorScheme: 'light' }],
    ['dark', { colorScheme: 'dark' }],
    ['on a phone', PHONE],
    ['on a phone, dark', { ...PHONE, colorScheme: 'dark' }],
  ] as const)('can be read by everybody: %s', async (_, options) => {
    await startCanary();
    await admin.create(PODS, pod('crashing'));
    await failCanary('a metric failed');
    const page = await open({ ...options, reducedMotion: 'reduce' });
    await environment(page).getByText('Aborted', { exact: true }).waitFor();
    await page.getByText('Each pod').click();
    await page.getByRole('row').filter({ hasText: 'crashing' }).waitFor();
    expect(await axeFindings(page)).toEqual([]);
    const [inner, content] = await page.evaluate(() => [
      window.innerWidth,
      document.documentElement.scrollWidth,
    ]);
    expect(content).toBeLessThanOrEqual(inner ?? 0);
  });

  it('shows storms of hundreds of pods, and their end, each in the timeline, out of which they drive nothing else', async () => {
    const page = await open();
    const blow = async (storm: string): Promise<string[]> => {
      const names = Array.from({ length: 300 }, (_, index) => `${storm}-${index}`);
      await Promise.all(names.map((name) => admin.create(PODS, pod(name))));
      await page.getByText('300 pods, 0 ready').waitFor();
      expect(await page.locator('.pods .pod').count()).toBe(300);
      await admin.request('DELETE', `${PODS}?gracePeriodSeconds=0`);
      await page.getByText('There are no pods in the namespaces that are watched.').waitFor();
      return entries(page).locator('p').allTextContents();
    };
    const told = await blow('first');
    for (const end of ['was created', 'is gone'])
      expect(told.filter((text) => text.includes(` ${end}`))).toHaveLength(300);
    const toldThen = await blow('second');
    expect(toldThen).toHaveLength(1001);
    for (const lines of [told, toldThen]) {
      // Newest first, and none twice.
      expect(lines[0]).toContain('is gone');
      expect(lines.at(-1)).toContain('the dashboard has started');
      expect(new Set(lines).size).toBe(lines.length);
    }
  });

  it('leaves alone what has not changed: who follows a link or reads on is not thrown back', async () => {
    await startCanary();
    const page = await open();
    const step = environment(page).locator('.step.is-now');
    await environment(page).getByText('0 of 2 failed').waitFor();
    const kept = await step.elementHandle();
    const line = await entries(page).filter({ hasText: 'the dashboard has started' }).elementHandle();
    await admin.create(PODS, pod('another'));
    await entries(page).filter({ hasText: 'pod another was created' }).waitFor();
    expect(await kept?.evaluate((element) => element.isConnected)).toBe(true);
    expect(await line?.evaluate((element) => element.isConnected)).toBe(true);
  });

  it('keeps the table of the pods open while they come and go, and is used by keyboard', async () => {
    await admin.create(PODS, pod('one'));
    const page = await open();
    const summary = page.getByText('Each pod');
    await summary.waitFor();
    await summary.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('rowheader', { name: 'one' }).waitFor();
    await admin.create(PODS, pod('two'));
    await page.getByRole('rowheader', { name: 'two' }).waitFor();
    expect(await summary.evaluate((element) => element === document.activeElement)).toBe(true);
    await admin.delete(`${PODS}/one`);
    await page.getByRole('rowheader', { name: 'one' }).waitFor({ state: 'detached' });
    const filter = page.getByRole('button', { name: 'cv-inference' });
    await filter.focus();
    await page.keyboard.press('Space');
    expect(await filter.getAttribute('aria-pressed')).toBe('true');
    await entries(page).filter({ hasText: 'pod one is gone' }).waitFor();
    expect(await entries(page).filter({ hasText: 'the dashboard has started' }).count()).toBe(0);
  });

  it('says when it has lost the server, keeps what it shows, and goes on by itself', async () => {
    await admin.create(PODS, pod('one'));
    const page = await open({}, AWAY);
    await page.getByText('1 pod, 0 ready').waitFor();
    await dashboard.close();
    await page.getByText('Not connected: what is shown is from before').waitFor();
    await page.getByText('1 pod, 0 ready').waitFor();
    await admin.create(PODS, pod('two'));
    const port = Number(new URL(dashboard.url).port);
    dashboard = await startDashboard({ server: access.url, token: access.token, port });
    await page.getByText('2 pods, 0 ready').waitFor();
    await page.locator('#connection').filter({ hasText: 'Live' }).waitFor();
  });

  it('says so where a connection is dead and does not end, and opens another', async () => {
    await admin.create(PODS, pod('one'));
    const proxy = await startMutingProxy(dashboard.url);
    const { page } = await visitUrl(`${proxy.url}/`);
    await page.clock.install();
    await page.reload();
    const connection = page.locator('#connection');
    await connection.filter({ hasText: 'Live' }).waitFor();
    await page.clock.fastForward(30_000);
    expect(await connection.textContent()).toBe('Live');
    proxy.setMute(true);
    await admin.create(PODS, pod('two'));
    await page.clock.fastForward(41_000);
    await connection.filter({ hasText: 'Not connected: what is shown is from before' }).waitFor();
    proxy.setMute(false);
    await page.clock.fastForward(5000);
    await page.getByText('2 pods, 0 ready').waitFor();
    expect(await connection.textContent()).toBe('Live');
    await page.context().close();
    await proxy.close();
  });

  it.each([
    ['its head too', false],
    ['what follows its head', true],
  ])('asks again and again where a proxy holds the stream back, %s', async (_, passesHead) => {
    await admin.create(PODS, pod('one'));
    const proxy = await startHoldingProxy(dashboard.url, passesHead);
    const { page } = await visitUrl(`${proxy.url}/`);
    await page.clock.install();
    await page.reload();
    await page.clock.fastForward(11_000);
    await page.locator('#connection').filter({ hasText: 'Live, every 5 s' }).waitFor();
    await page.getByText('1 pod, 0 ready').waitFor();
    const line = await entries(page).filter({ hasText: 'the dashboard has started' }).elementHandle();
    await admin.create(PODS, pod('two'));
    await page.clock.fastForward(5000);
    await page.getByText('2 pods, 0 ready').waitFor();
    await entries(page).filter({ hasText: 'pod two was created' }).waitFor();
    expect(await entries(page).filter({ hasText: 'pod one was created' }).count()).toBe(1);
    expect(await line?.evaluate((element) => element.isConnected)).toBe(true);
    await page.context().close();
    await proxy.close();
  });

  it('shows who committed, the model, its drift and trainings, and an alert that leads to its runbook', async () => {
    const its = (metric: string, labels: string, value: number): string =>
      `${metric}{namespace="cv-inference",${labels}} ${value}`;
    const prometheus = await startPrometheus([
      its('cv_model_info', `name="digits",version="1.0.0",digest="${DIGEST}",provider="cpu"`, 1),
      its('cv:input_psi:1h', 'model="digits",feature="brightness"', 0.31),
      its('cv:window_images:1h', 'model="digits"', 600),
      its('cv:accuracy:1h', 'model="digits"', 0.875),
      its('cv_bridge_decisions_total', 'outcome="dispatched"', 1),
    ]);
    const alertmanager = await startAlertmanager(
      { route: { receiver: 'nobody' }, receivers: [{ name: 'nobody' }] },
      {},
    );
    const argocd = await startScriptedServer((_, response) => {
      response.end(
        '{"author":"Ada Lovelace <ada@example.com>","message":"A smaller batch","date":"2026-01-15T10:30:00Z"}',
      );
    });
    const folder = await mkdtemp(join(tmpdir(), 'cv-dashboard-'));
    await writeFile(join(folder, 'token'), 'a-token');
    await vi.waitFor(async () => expect(await prometheus.count('cv_model_info')).toBe(1), SOON);
    const runbook = 'https://example.com/runbooks/CvInferenceDown.md';
    await alertmanager.send([
      {
        labels: { alertname: 'CvInferenceDown', severity: 'critical', namespace: 'cv-inference' },
        annotations: { summary: 'Nothing answers', runbook_url: runbook },
      },
    ]);
    await startCanary();
    const other = await startDashboard({
      server: access.url,
      token: access.token,
      settings: {
        ALERTMANAGER_URL: alertmanager.url,
        PROMETHEUS_URL: prometheus.url,
        ARGOCD_URL: argocd.url,
        ARGOCD_TOKEN_FILE: join(folder, 'token'),
      },
    });
    const { page } = await visitUrl(`${other.url}/`);
    const region = environment(page);
    await region.getByText('A smaller batch · Ada Lovelace').waitFor();
    const facts = region.locator('.facts');
    await facts.getByTitle(DIGEST).waitFor();
    await facts.getByText('digits · PSI 0.31 (brightness) · accuracy 87.5 %').waitFor();
    await facts.getByText('one training asked for').waitFor();
    await region
      .locator('.alert')
      .filter({ hasText: 'critical' })
      .filter({ hasText: 'Nothing answers' })
      .waitFor();
    expect(await region.getByRole('link', { name: 'CvInferenceDown' }).getAttribute('href')).toBe(runbook);
    expect(await axeFindings(page)).toEqual([]);
    await page.context().close();
    await other.close();
    await rm(folder, { recursive: true });
    for (const each of [argocd, alertmanager, prometheus]) await each.close();
  });

  it('says what may not be seen, and why', async () => {
    const other = await startDashboard({
      server: access.url,
      token: access.token,
      settings: { NAMESPACES: 'cv-inference,default' },
    });
    const { page } = await visitUrl(`${other.url}/`);
    await page.locator('#sources li').filter({ hasText: 'pods is forbidden' }).waitFor();
    expect(await axeFindings(page)).toEqual([]);
    await page.context().close();
    await other.close();
  });
});
