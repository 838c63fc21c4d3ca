import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { Admin } from './support/admin.js';
import { type RunningDashboard, startDashboard } from './support/dashboard.js';
import { PODS, pod } from './support/objects.js';
import { BreakingProxy } from './support/proxy.js';
import { Viewer } from './support/viewer.js';

const access = inject('apiServer');
const admin = new Admin(access);
const SOON = { timeout: 30_000, interval: 100 };
const MAX_VIEWERS = 200;

let proxy: BreakingProxy;
let dashboard: RunningDashboard;

beforeAll(async () => {
  proxy = await BreakingProxy.start(access);
  dashboard = await startDashboard({
    server: proxy.url,
    token: access.token,
    settings: { ALLOWED_HOSTS: 'dashboard.example.com' },
  });
  await dashboard.untilReady();
});

afterEach(async () => {
  await admin.request('DELETE', `${PODS}?gracePeriodSeconds=0`);
  await untilState((ids) => ids.length === 0);
});

afterAll(async () => {
  await dashboard.close();
  await proxy.close();
  admin.close();
});

async function untilState(holds: (ids: readonly string[]) => boolean): Promise<void> {
  await vi.waitFor(async () => {
    const { items } = (await (await fetch(`${dashboard.url}/state`)).json()) as { items: { id: string }[] };
    expect(holds(items.map(({ id }) => id))).toBe(true);
  }, SOON);
}

async function createPods(count: number, prefix: string): Promise<void> {
  const names = Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
  await Promise.all(names.map((name) => admin.create(PODS, pod(name))));
}

describe('a stream that goes on', () => {
  it('brings by Last-Event-ID what came since, nothing twice and nothing left out', async () => {
    const first = await Viewer.open(dashboard.url);
    await createPods(5, 'before');
    await first.until(({ items }) => items.size === 5);
    first.leave();
    await createPods(5, 'meanwhile');
    await untilState((ids) => ids.length === 10);
    const second = await Viewer.open(dashboard.url, first.lastEventId);
    await second.until(({ items }) => items.size === 5);
    expect(new Set(second.types)).toEqual(new Set(['change']));
    const told = second.timeline.map(({ text }) => text);
    expect(told.toSorted()).toEqual(
      Array.from({ length: 5 }, (_, index) => `pod meanwhile-${index} was created`),
    );
    second.leave();
  });

  it('begins with everything where the id is of another process', async () => {
    const viewer = await Viewer.open(dashboard.url);
    await createPods(1, 'one');
    await viewer.until(({ items }) => items.size === 1);
    viewer.leave();
    const other = await startDashboard({ server: proxy.url, token: access.token });
    const restarted = await Viewer.open(other.url, viewer.lastEventId);
    await restarted.until(({ items }) => items.size === 1 && items.has('pod/cv-inference/one-0'));
    expect(restarted.types[0]).toBe('snapshot');
    restarted.leave();
    await other.close();
  });

  it.each(['', 'nonsense', '-1', '000000000000-1', '9'.repeat(4000)])('begins anew after %j', async (id) => {
    const viewer = await Viewer.open(dashboard.url, id);
    await viewer.until(({ events }) => events.length > 0);
    expect(viewer.types[0]).toBe('snapshot');
    viewer.leave();
  });
});

describe('many viewers', () => {
  it('are 150 over one watch of each kind, and all see the same', async () => {
    const { watches } = proxy;
    await vi.waitFor(async () => expect(await dashboard.metric('cv_dashboard_viewers')).toBe(0), SOON);
    const viewers = await Promise.all(Array.from({ length: 150 }, () => Viewer.open(dashboard.url)));
    expect(await dashboard.metric('cv_dashboard_viewers')).toBe(150);
    await createPods(50, 'shared');
    await Promise.all(viewers.map((viewer) => viewer.until(({ items }) => items.size === 50)));
    expect(new Set(viewers.map(({ events }) => events.at(-1)?.id)).size).toBe(1);
    expect(proxy.watches).toBe(watches);
    for (const viewer of viewers) viewer.leave();
    await vi.waitFor(async () => expect(await dashboard.metric('cv_dashboard_viewers')).toBe(0), SOON);
  });

  it('are refused beyond their limit, with a time to come back', async () => {
    const viewers = await Promise.all(Array.from({ length: MAX_VIEWERS }, () => Viewer.open(dashboard.url)));
    const refused = await fetch(`${dashboard.url}/events`);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '10']);
    for (const viewer of viewers) viewer.leave();
    await vi.waitFor(async () => expect(await dashboard.metric('cv_dashboard_viewers')).toBe(0), SOON);
  });
});

/** What is answered to whoever asks this machine for something else, as a browser does whose DNS was changed. */
async function askFor(host: string, path: string): Promise<{ status: number; body: string }> {
  const request = http.get(`${dashboard.url}${path}`, { agent: false, headers: { host } });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const status = response.statusCode ?? 0;
  if (status === 200) request.destroy();
  return { status, body: status === 200 ? '' : await text(response) };
}

describe('the rest of the server', () => {
  it('answers to its own names alone, whatever is asked for', async () => {
    for (const path of ['/', '/events', '/state', '/timeline.json', '/metrics', '/health', '/nothing']) {
      const { status, body } = await askFor('rebound.example.org', path);
      expect([path, status]).toEqual([path, 421]);
      expect(JSON.parse(body)).toMatchObject({ status: 421, code: 'HOST_NOT_ALLOWED' });
      const expected = path === '/nothing' ? 404 : 200;
      expect([path, (await askFor('localhost:8090', path)).status]).toEqual([path, expected]);
      expect([path, (await askFor('dashboard.example.com', path)).status]).toEqual([path, expected]);
    }
  });

  it('makes /state and /timeline.json once for all who ask within a second, and anew for who asks later', async () => {
    for (const path of ['/state', '/timeline.json']) {
      const ask = async () => {
        const answer = await fetch(dashboard.url + path);
        expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
        return answer.text();
      };
      const asked = Array.from({ length: 20 }, ask);
      // Two where the second ends between them.
      expect(new Set(await Promise.all(asked)).size).toBeLessThan(3);
      await createPods(1, path.slice(1, 6));
      await vi.waitFor(
        async () => expect(await ask()).toContain(`pod ${path.slice(1, 6)}-0 was created`),
        SOON,
      );
    }
  });

  it('can be read and not written', async () => {
    for (const path of ['/', '/events', '/state', '/timeline.json', '/metrics']) {
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
        const answer = await fetch(dashboard.url + path, { method });
        expect([path, method, answer.status]).toEqual([path, method, 404]);
        expect(await answer.json()).toMatchObject({ code: 'NOT_FOUND' });
      }
    }
  });

  it('sends the page with a policy that lets it load nothing from elsewhere', async () => {
    const page = await fetch(dashboard.url);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect((await fetch(`${dashboard.url}/service/playground/dom.js`)).status).toBe(200);
    for (const path of [
      '/dashboard/page/..%2f..%2fpackage.json',
      '/dashboard/page/main.ts',
      '/service/http/x.js',
    ]) {
      expect((await fetch(dashboard.url + path)).status).toBe(404);
    }
  });
});
