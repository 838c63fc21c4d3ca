import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Answer, expectColour, expectProblem, predict, send } from '../support/answers.js';
import { heavyColour, heavyModel, quickColour } from '../support/heavy-model.js';
import { multipart, plainPng } from '../support/images.js';
import { readMetric, readMetrics } from '../support/metrics.js';
import { head, RawConnection } from '../support/raw-connection.js';
import { type ServiceProcess, startSharedService } from '../support/service-process.js';

const LIMIT = 3;
const CLIENTS = 10;
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

describe('more images than may be in the house', () => {
  it('are refused at the door: exactly those beyond the limit, at once, before their bodies', async () => {
    const image = await plainPng(quickColour(1));
    const before = await readMetrics(service.url);
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => announce(image)));
    const startedAt = performance.now();
    const refused: Answer[] = [];
    // Those who were let in send nothing here, and are cut off with the test.
    const leftAlone = (): void => {};
    for (const client of clients) void client.receive().then((answer) => refused.push(answer), leftAlone);
    await vi.waitFor(() => expect(refused).toHaveLength(CLIENTS - LIMIT), { timeout: 5000, interval: 5 });
    expect(performance.now() - startedAt).toBeLessThan(AT_ONCE_MS);
    for (const answer of refused) expectProblem(answer, 'OVERLOADED');
    const after = await readMetrics(service.url);
    expect((after.get(OVERLOADED) ?? 0) - (before.get(OVERLOADED) ?? 0)).toBe(CLIENTS - LIMIT);
    expect(after.get(IN_FLIGHT)).toBe(LIMIT);
    expect(after.get('cv_in_flight_limit_images')).toBe(LIMIT);
    expect(after.get(RUNS) ?? 0).toBe(before.get(RUNS) ?? 0);
  });

  it('leave alone those who were let in, who get their answers, and the door opens again', async () => {
    await until(IN_FLIGHT, 0);
    const images = await Promise.all([1, 2, 3].map((index) => plainPng(quickColour(index))));
    const clients = await Promise.all(images.map(announce));
    await until(IN_FLIGHT, LIMIT);
    expectProblem(await predict(service.url, await plainPng(quickColour(4))), 'OVERLOADED');
    for (const [index, client] of clients.entries()) {
      await client.write(images[index] ?? '');
      expectColour(await client.receive(), quickColour(index + 1));
    }
    await until(IN_FLIGHT, 0);
    expectColour(await predict(service.url, await plainPng(quickColour(4))), quickColour(4));
  });

  it('in one batch are refused whole, and nothing of it is run', async () => {
    await until(IN_FLIGHT, 0);
    const image = await plainPng(quickColour(1));
    const guest = await announce(image);
    await until(IN_FLIGHT, 1);
    const before = await readMetrics(service.url);
    expectProblem(await postBatch(LIMIT), 'OVERLOADED');
    const after = await readMetrics(service.url);
    expect(after.get(RUNS)).toBe(before.get(RUNS));
    expect((after.get(OVERLOADED) ?? 0) - (before.get(OVERLOADED) ?? 0)).toBe(1);
    expect((await postBatch(LIMIT - 1)).status).toBe(200);
    await guest.write(image);
    expectColour(await guest.receive(), quickColour(1));
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
