import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Feed } from './feed.js';
import type { AlertItem } from './items.js';
import { Viewer } from './tests/support/viewer.js';
import { Viewers } from './viewers.js';

const STALL_MS = 500;
const SOON = { timeout: 20_000, interval: 50 };

let feed: Feed;
let viewers: Viewers;
let stalled: number;
let server: http.Server;
let url: string;

beforeEach(async () => {
  stalled = 0;
  viewers = new Viewers({
    maxViewers: 1000,
    heartbeatMs: 100,
    stallMs: STALL_MS,
    onEvent: () => undefined,
    onStalled: () => {
      stalled += 1;
    },
  });
  feed = new Feed({ timeline: [], onEntry: () => undefined, onEvent: () => viewers.advance() });
  server = http.createServer((request, response) => {
    const lastEventId = request.headers['last-event-id'];
    viewers.add(response, feed, typeof lastEventId === 'string' ? lastEventId : undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  viewers.close();
  feed.close();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

function alert(index: number, summary: string): AlertItem {
  return {
    id: `alert/it/${index}`,
    kind: 'alert',
    namespace: 'it',
    name: `alert-${index}`,
    severity: 'warning',
    summary,
    startedAt: '2026-01-15T10:30:00.000Z',
    silenced: false,
  };
}

/** Alerts of some 20 kB each; what is told of them is cut short. */
function putAlerts(count: number, round: number): void {
  for (let index = 0; index < count; index += 1)
    feed.store.put(alert(index, `${round} ${'x'.repeat(20_000)}`));
}

/** Somebody who asks for the stream and reads nothing of it. */
function idle(): Promise<http.ClientRequest> {
  const request = http.get(url, { agent: false });
  request.on('error', () => undefined);
  return new Promise((resolve) => {
    request.on('response', (response) => {
      response.pause();
      response.on('error', () => undefined);
      resolve(request);
    });
  });
}

describe('while nothing happens', () => {
  it('there are signs of life, after which nobody goes on', async () => {
    const viewer = await Viewer.open(url);
    await viewer.until(({ heartbeats }) => heartbeats >= 3);
    expect(viewer.types).toEqual(['snapshot']);
    viewer.leave();
  });
});

describe('who comes while a lot changes', () => {
  it('gets a snapshot that was made for others, and all that came since', async () => {
    putAlerts(20, 0);
    const first = await Viewer.open(url);
    await first.until(({ items }) => items.size === 20);
    for (let round = 1; round <= 5; round += 1) {
      feed.store.put(alert(0, `round ${round}`));
      await first.until(({ items }) => summaryIn(items.get('alert/it/0')) === `round ${round}`);
    }
    const second = await Viewer.open(url);
    await second.until(({ items }) => summaryIn(items.get('alert/it/0')) === 'round 5');
    expect(second.types).toEqual(['snapshot', ...Array(5).fill('change')]);
    expect(second.events[0]).toEqual(first.events[0]);
    expect(second.items).toEqual(first.items);
    expect(second.timeline).toEqual(first.timeline);
    first.leave();
    second.leave();
  });

  it('gets a new one where the log no longer reaches back to the old', async () => {
    putAlerts(20, 0);
    const first = await Viewer.open(url);
    await first.until(({ items }) => items.size === 20);
    // Four megabytes of the log, twice.
    for (let round = 1; round <= 20; round += 1) {
      putAlerts(20, round);
      await first.until(({ items }) => summaryIn(items.get('alert/it/19'))?.startsWith(`${round} `) === true);
    }
    const second = await Viewer.open(url);
    await second.until(({ items }) => summaryIn(items.get('alert/it/19'))?.startsWith('20 ') === true);
    expect(second.types[0]).toBe('snapshot');
    expect(second.events.length).toBeLessThan(5);
    expect(second.items).toEqual(first.items);
    first.leave();
    second.leave();
  });
});

describe('who takes nothing', () => {
  it('is closed after a while, and cost no copy of what it did not take', async () => {
    const requests = await Promise.all(Array.from({ length: 100 }, idle));
    expect(viewers.size).toBe(100);
    const taking = await Viewer.open(url);
    const before = heldBytes();
    let most = 0;
    for (let round = 1; stalled < 100; round += 1) {
      putAlerts(50, round);
      await taking.until(
        ({ items }) => summaryIn(items.get('alert/it/49'))?.startsWith(`${round} `) === true,
      );
      taking.events.length = 0;
      most = Math.max(most, heldBytes() - before);
    }
    // A megabyte each is a hundred; the log has four, and each viewer a piece of one event.
    expect(most).toBeLessThan(50 * 2 ** 20);
    await vi.waitFor(() => expect(viewers.size).toBe(1), SOON);
    expect(taking.isEnded).toBe(false);
    taking.leave();
    for (const request of requests) request.destroy();
  });
});

function summaryIn(item: unknown): string | undefined {
  return (item as AlertItem | undefined)?.summary;
}

/** Outside of the heap: the bytes of events and of what is on its way. */
function heldBytes(): number {
  return process.memoryUsage().arrayBuffers;
}
