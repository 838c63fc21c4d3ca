import { beforeAll, describe, expect, it } from 'vitest';
import { median } from '../../bench/statistics.js';
import { type Answer, predict, send } from '../support/answers.js';
import { heavyColour, heavyModel } from '../support/heavy-model.js';
import { multipart, plainPng } from '../support/images.js';
import { type ServiceProcess, startSharedService } from '../support/service-process.js';

const PLACES = 40;
const BATCH = 10;
const TRIES = 6;

let service: ServiceProcess;
beforeAll(async () => {
  const shared = await startSharedService(heavyModel(4, 512), {
    MAX_IN_FLIGHT_IMAGES: String(PLACES),
    MAX_BATCH_IMAGES: String(BATCH),
    INTRA_OP_THREADS: '1',
    // Machines that are busy otherwise are not what is tested.
    MAX_EXPECTED_WAIT_MS: '20000',
  });
  service = shared.service;
  return shared.end;
});

async function single(): Promise<Answer> {
  return predict(service.url, await plainPng(heavyColour(1)));
}

async function batch(): Promise<Answer> {
  const bytes = await plainPng(heavyColour(2));
  const { payload, headers } = multipart(Array.from({ length: BATCH }, () => ({ field: 'files', bytes })));
  return send(service.url, '/predict/batch', { body: payload, headers });
}

type Ask = () => Promise<Answer>;

/** @returns how long it took, milliseconds, or undefined where it was refused */
async function timed(ask: Ask): Promise<number | undefined> {
  const startedAt = performance.now();
  // A body that is refused while it is being sent may end its connection before the answer was read.
  const status = await ask().then(
    (answer) => answer.status,
    () => undefined,
  );
  return status === 200 ? performance.now() - startedAt : undefined;
}

/** So many clients that ask again as soon as they were answered. Resolves with what ends them and tells their times. */
async function crowd(clients: number, ask: Ask): Promise<() => Promise<number[]>> {
  let isOver = false;
  const times: number[] = [];
  const one = async (): Promise<void> => {
    while (!isOver) times.push(...[await timed(ask)].filter((ms) => ms !== undefined));
  };
  const all = Array.from({ length: clients }, one);
  await expect.poll(() => times.length, { timeout: 10_000 }).toBeGreaterThan(0);
  return async () => {
    isOver = true;
    await Promise.all(all);
    return times;
  };
}

async function oneByOne(ask: Ask): Promise<(number | undefined)[]> {
  const all: (number | undefined)[] = [];
  for (let attempt = 0; attempt < TRIES; attempt++) all.push(await timed(ask));
  return all;
}

describe('single images', () => {
  it('are all answered beside more batches than there are places, and sooner than these', async () => {
    const end = await crowd((2 * PLACES) / BATCH, batch);
    const times = await oneByOne(single);
    const batches = await end();
    const answered = times.filter((ms) => ms !== undefined);
    expect(answered).toHaveLength(TRIES);
    expect(median(answered)).toBeLessThan(median(batches) / 2);
    expect(batches.length).toBeGreaterThan(1);
  });
});

describe('batches', () => {
  it('are all answered beside more single images than there are places', async () => {
    const end = await crowd(2 * PLACES, single);
    expect(await oneByOne(batch)).not.toContain(undefined);
    expect((await end()).length).toBeGreaterThan(PLACES);
  });
});
