import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Answer, expectColour, expectProblem, predict, send } from '../support/answers.js';
import { heavyColour, heavyModel, quickColour } from '../support/heavy-model.js';
import { multipart, plainPng } from '../support/images.js';
import { readMetric, readMetrics } from '../support/metrics.js';
import { head, RawConnection } from '../support/raw-connection.js';
import { type ServiceProcess, startSharedService } from '../support/service-process.js';

const LIMIT = 3;
const CLIENTS = 10;
const CROWD = 300;
/** What "at once" is on a machine that is busy with other tests. */
const AT_ONCE_MS = 300;
const RUNS = 'cv_batch_size_images_count';
const OVERLOADED = 'cv_rejections_total{code="OVERLOADED"}';
const IN_FLIGHT = 'cv_in_flight_images';
const HALF_A_SECOND_OF_WORK = 12;

let service: ServiceProcess;
beforeAll(async () => {
  const shared = await startSharedService(heavyModel(HALF_A_SECOND_OF_WORK), {
    MAX_IN_FLIGHT_IMAGES: String(LIMIT),
    MAX_BATCH_IMAGES: String(LIMIT),
    MAX_BATCH_SIZE: '1',
    INTRA_OP_THREADS: '1',
    MAX_EXPECTED_WAIT_MS: '60000',
    REQUEST_TIMEOUT_MS: '60000',
  });
  service = shared.service;
  return shared.end;
});

/** A client that has said what it will send, and sends it when told. */
async function announce(image: Uint8Array): Promise<RawConnection> {
  const connection = await RawConnection.open(service.url);
  onTestFinished(() => connection.destroy());
  await connection.write(
    head('POST', '/predict', { 'content-type': 'image/png', 'content-length': image.length }),
  );
  return connection;
}

async function until(name: string, value: number): Promise<void> {
  const check = async () => expect(await readMetric(service.url, name)).toBe(value);
  await vi.waitFor(check, { timeout: 10_000, interval: 10 });
}

async function postBatch(count: number): Promise<Answer> {
  const image = await plainPng(quickColour(9));
  const { payload, headers } = multipart(
    Array.from({ length: count }, () => ({ field: 'files', bytes: image })),
  );
  return send(service.url, '/predict/batch', { body: payload, headers });
}

/** Has as many images in flight as there may be; resolves with what awaits their answers. */
async function fill(images = LIMIT): Promise<() => Promise<void>> {
  await until(IN_FLIGHT, 0);
  const runs = await readMetric(service.url, RUNS);
  const answers = Array.from({ length: images }, async (_, index) =>
    predict(service.url, await plainPng(heavyColour(index))),
  );
  await until(IN_FLIGHT, images);
  await until(RUNS, runs + 1);
  return async () => {
    for (const [index, answer] of (await Promise.all(answers)).entries())
      expectColour(answer, heavyColour(index));
  };
}

describe('more images than may be in flight', () => {
  it('are refused at their request line: at once, before their bodies, and nothing of them is run', async () => {
    const answered = await fill();
    const image = await plainPng(quickColour(1));
    const before = await readMetrics(service.url);
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => announce(image)));
    const startedAt = performance.now();
    for (const client of clients) expectProblem(await client.receive(), 'OVERLOADED');
    expect(performance.now() - startedAt).toBeLessThan(AT_ONCE_MS);
    const after = await readMetrics(service.url);
    expect((after.get(OVERLOADED) ?? 0) - (before.get(OVERLOADED) ?? 0)).toBe(CLIENTS);
    expect(after.get(IN_FLIGHT)).toBe(LIMIT);
    expect(after.get('cv_in_flight_limit_images')).toBe(LIMIT);
    await answered();
    expectColour(await predict(service.url, image), quickColour(1));
  });

  it('are refused a thousand times a second, beyond the first two hundred', async () => {
    const image = await plainPng(quickColour(3));
    const request = head('POST', '/predict', { 'content-type': 'image/png', 'content-length': image.length });
    const clients = await Promise.all(Array.from({ length: CROWD }, () => RawConnection.open(service.url)));
    onTestFinished(() => clients.forEach((client) => void client.destroy()));
    const answered = await fill();
    const startedAt = performance.now();
    for (const client of clients) await client.write(request);
    for (const client of clients) expectProblem(await client.receive(), 'OVERLOADED');
    expect(performance.now() - startedAt).toBeGreaterThan(CROWD - 200 - 1);
    await answered();
  });

  it('are refused when they arrive where there was room at their request line', async () => {
    await until(IN_FLIGHT, 0);
    const image = await plainPng(quickColour(2));
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => announce(image)));
    await Promise.all(clients.map((client) => client.write(image.subarray(0, 10))));
    expect(await readMetric(service.url, IN_FLIGHT)).toBe(0);
    const answered = await fill();
    for (const client of clients) await client.write(image.subarray(10));
    for (const client of clients) expectProblem(await client.receive(), 'OVERLOADED');
    await answered();
  });

  it('in one batch are refused whole, and nothing of it is run', async () => {
    const answered = await fill(1);
    const before = await readMetrics(service.url);
    expectProblem(await postBatch(LIMIT), 'OVERLOADED');
    const after = await readMetrics(service.url);
    expect(after.get(RUNS)).toBe(before.get(RUNS));
    expect((after.get(OVERLOADED) ?? 0) - (before.get(OVERLOADED) ?? 0)).toBe(1);
    expect((await postBatch(LIMIT - 1)).status).toBe(200);
    await answered();
  });

  it('are refused with a Retry-After within reason, also when the work that waits is heavy', async () => {
    await until(IN_FLIGHT, 0);
    const images = await Promise.all([1, 2, 3].map((index) => plainPng(heavyColour(index))));
    await predict(service.url, images[0] ?? Buffer.alloc(0));
    const admitted = images.map((image) => predict(service.url, image));
    await until(IN_FLIGHT, LIMIT);
    const refused = await predict(service.url, await plainPng(quickColour(1)));
    expectProblem(refused, 'OVERLOADED');
    expect(Number(refused.headers['retry-after'])).toBeLessThan(30);
    for (const answer of await Promise.all(admitted)) expect(answer.status).toBe(200);
  });
});

describe('a deadline that cannot be kept', () => {
  it('is refused at once while others are served, and tried when nobody is', async () => {
    await until(IN_FLIGHT, 0);
    const hurried = { 'x-request-timeout-ms': '60' };
    const heavy = await plainPng(heavyColour(7));
    // What an image costs is measured here: it weighs in the moving average by a fifth each time.
    for (const _ of [1, 2]) expectColour(await predict(service.url, heavy), heavyColour(7));
    const runs = await readMetric(service.url, RUNS);
    const busy = predict(service.url, heavy);
    await until(RUNS, runs + 1);
    const startedAt = performance.now();
    expectProblem(await predict(service.url, heavy, hurried), 'OVERLOADED');
    expect(performance.now() - startedAt).toBeLessThan(AT_ONCE_MS);
    expectColour(await busy, heavyColour(7));
    await until(IN_FLIGHT, 0);
    expectProblem(await predict(service.url, heavy, hurried), 'DEADLINE_EXCEEDED');
  });
});
