import { beforeAll, describe, expect, it, vi } from 'vitest';
import { expectColour, expectProblem, predict } from '../support/answers.js';
import { heavyColour, heavyModel, quickColour } from '../support/heavy-model.js';
import { multipart, plainPng } from '../support/images.js';
import { readMetric, readMetrics } from '../support/metrics.js';
import { RawConnection, wholeRequest } from '../support/raw-connection.js';
import { type ServiceProcess, startSharedService } from '../support/service-process.js';

const SECOND_OF_WORK = 40;
const RUNS = 'cv_batch_size_images_count';
const WAITING = { timeout: 10_000, interval: 10 };

let service: ServiceProcess;
beforeAll(async () => {
  const shared = await startSharedService(heavyModel(SECOND_OF_WORK), {
    MAX_BATCH_SIZE: '1',
    INTRA_OP_THREADS: '1',
    // Far off, so that nobody is refused for want of time on a slow machine.
    REQUEST_TIMEOUT_MS: '100000',
    MAX_EXPECTED_WAIT_MS: '100000',
  });
  service = shared.service;
  return shared.end;
});

async function until(name: string, value: number): Promise<void> {
  await vi.waitFor(async () => expect(await readMetric(service.url, name)).toBe(value), WAITING);
}

/** How much the named metrics grew since this was called. */
async function watch(...names: string[]): Promise<() => Promise<number[]>> {
  const before = await readMetrics(service.url);
  return async () => {
    const after = await readMetrics(service.url);
    return names.map((name) => (after.get(name) ?? 0) - (before.get(name) ?? 0));
  };
}

/** Sends an image that keeps the only slot busy, and waits until it does. */
async function occupy(index: number): Promise<{ answer: ReturnType<typeof predict> }> {
  const runs = await readMetric(service.url, RUNS);
  const answer = predict(service.url, await plainPng(heavyColour(index)));
  await until(RUNS, runs + 1);
  return { answer };
}

/** Sends a request whose sender can leave. */
async function post(path: string, body: Uint8Array, headers = {}): Promise<RawConnection> {
  const connection = await RawConnection.open(service.url);
  await connection.write(wholeRequest(path, body, headers));
  return connection;
}

// The first test goes first: nothing has been measured yet, so that no one is refused for want of time.
describe('an image that nobody waits for any more', () => {
  it('is answered by DEADLINE_EXCEEDED in time when its turn has not come, and is never run', async () => {
    const grown = await watch(RUNS, 'cv_images_total{outcome="deadline"}');
    const { answer } = await occupy(1);
    const startedAt = performance.now();
    const late = await predict(service.url, await plainPng(quickColour(1)), {
      'x-request-timeout-ms': '150',
    });
    expectProblem(late, 'DEADLINE_EXCEEDED');
    expect(performance.now() - startedAt).toBeLessThan(600);
    expectColour(await answer, heavyColour(1));
    expect(await grown()).toEqual([1, 1]);
  });

  it('is not run when its client has left the queue; those who stayed get their own', async () => {
    const grown = await watch(
      RUNS,
      'cv_images_total{outcome="disconnected"}',
      'cv_images_total{outcome="ok"}',
    );
    const { answer } = await occupy(2);
    const images = await Promise.all([0, 1, 2, 3, 4].map((index) => plainPng(quickColour(index))));
    const clients = await Promise.all(images.map((image) => post('/predict', image)));
    await until('cv_queue_images', 5);
    for (const index of [0, 2, 3]) clients[index]?.destroy();
    await until('cv_queue_images', 2);
    expectColour(await answer, heavyColour(2));
    for (const index of [1, 4]) {
      const stayed = await clients[index]?.receive();
      expectColour(stayed ?? { status: 0, headers: {}, text: '' }, quickColour(index));
      clients[index]?.destroy();
    }
    expect(await grown()).toEqual([3, 3, 3]);
    await until('cv_in_flight_images', 0);
  });

  it('is not run when it is one of many whose client has left', async () => {
    const grown = await watch(RUNS, 'cv_images_total{outcome="disconnected"}');
    const { answer } = await occupy(3);
    const images = await Promise.all([1, 2, 3].map((index) => plainPng(quickColour(index))));
    const { payload, headers } = multipart(images.map((bytes) => ({ field: 'files', bytes })));
    const client = await post('/predict/batch', payload, headers);
    await until('cv_queue_images', 3);
    client.reset();
    await until('cv_queue_images', 0);
    expectColour(await answer, heavyColour(3));
    expect(await grown()).toEqual([1, 3]);
  });

  it('is no longer in flight at once in mid-run, and its slot serves on', async () => {
    const disconnected = 'cv_images_total{outcome="disconnected"}';
    const grown = await watch(disconnected);
    const runs = await readMetric(service.url, RUNS);
    const client = await post('/predict', await plainPng(heavyColour(4)));
    await until(RUNS, runs + 1);
    const startedAt = performance.now();
    client.destroy();
    await until('cv_in_flight_images', 0);
    expect(await grown()).toEqual([1]);
    const leftAfterMs = performance.now() - startedAt;
    expectColour(await predict(service.url, await plainPng(quickColour(4))), quickColour(4));
    // The run cannot be cancelled, so the next one had to wait for it; the client's leaving had not.
    expect(leftAfterMs).toBeLessThan(performance.now() - startedAt);
  });

  it('is told of in the log as someone who left, with status 499', async () => {
    const { answer } = await occupy(5);
    const client = await post('/predict', await plainPng(quickColour(5)), { 'x-request-id': 'leaver' });
    await until('cv_queue_images', 1);
    client.destroy();
    const line = await service.logged((candidate) => candidate['request_id'] === 'leaver');
    expect(line).toMatchObject({ level: 'info', status: 499, path: '/predict' });
    expectColour(await answer, heavyColour(5));
    expect(service.logs.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual(
      service.logs.filter((candidate) => candidate['status'] === 504),
    );
  });
});
