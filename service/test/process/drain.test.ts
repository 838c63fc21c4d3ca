import { beforeAll, describe, expect, it, type TestContext, vi } from 'vitest';
import { expectColour, expectProblem, json, predict, send } from '../support/answers.js';
import { Folders } from '../support/folders.js';
import { heavyColour, heavyModel, quickColour } from '../support/heavy-model.js';
import { type Colour, plainPng } from '../support/images.js';
import { readMetric } from '../support/metrics.js';
import { writeModelFolder } from '../support/models.js';
import { head, RawConnection, wholeRequest } from '../support/raw-connection.js';
import { type Environment, type ServiceProcess, startService } from '../support/service-process.js';

/** Longer than any drain here takes: waiting for it would be noticed. */
const LONG_TIMEOUT = '600000';
const WAITING = { timeout: 10_000, interval: 10 };
/** Rounds of a heavy model: a tenth of a second and more. */
const SOME_WORK = 5;

let folders: Folders;
beforeAll(async () => {
  folders = await Folders.create();
  return () => folders.remove();
});

async function startHeavy(
  { onTestFinished }: TestContext,
  rounds: number,
  environment: Environment = {},
): Promise<ServiceProcess> {
  const model = await writeModelFolder(heavyModel(rounds), undefined, await folders.next());
  const settings = {
    MODEL_URI: model,
    DRAIN_TIMEOUT_MS: LONG_TIMEOUT,
    REQUEST_TIMEOUT_MS: LONG_TIMEOUT,
    INTRA_OP_THREADS: '1',
  };
  return startService({ ...settings, ...environment }, onTestFinished);
}

/** Waits until this many images are in flight. */
async function untilInFlight(service: ServiceProcess, images: number): Promise<void> {
  const inFlight = () => readMetric(service.url, 'cv_in_flight_images');
  await vi.waitFor(async () => expect(await inFlight()).toBe(images), WAITING);
}

/** Waits until so many bytes of bodies have arrived. */
async function untilArrived(service: ServiceProcess, bytes: number): Promise<void> {
  const inFlight = () => readMetric(service.url, 'cv_in_flight_bytes');
  await vi.waitFor(async () => expect(await inFlight()).toBe(bytes), WAITING);
}

async function untilRunning(service: ServiceProcess): Promise<void> {
  const runs = () => readMetric(service.url, 'cv_batch_size_images_count');
  await vi.waitFor(async () => expect(await runs()).toBeGreaterThan(0), WAITING);
}

describe.concurrent('on SIGTERM', () => {
  it('turns unready yet serves on through DRAIN_DELAY_MS, then answers all it took, rightly, and ends', async (context) => {
    // One thread, which is busy with the first: the others wait until they have been counted.
    const environment = { DRAIN_DELAY_MS: '3000', WORKERS: '1' };
    const service = await startHeavy(context, 2 * SOME_WORK, environment);
    const colours: Colour[] = [
      heavyColour(7),
      ...Array.from({ length: 12 }, (_, index) => quickColour(index)),
    ];
    const images = await Promise.all(colours.map((colour) => plainPng(colour)));
    const ask = (image: Buffer) => predict(service.url, image);
    const before = images.slice(0, 1).map(ask);
    await untilRunning(service);
    before.push(...images.slice(1).map(ask));
    await untilInFlight(service, images.length);
    service.send('SIGTERM');
    await service.said('draining');
    expectProblem(await send(service.url, '/ready'), 'SHUTTING_DOWN');
    expect(json(await send(service.url, '/health'))).toEqual({ status: 'ok', state: 'draining' });
    const during = images.map(ask);
    for (const answers of [await Promise.all(before), await Promise.all(during)]) {
      for (const [index, answer] of answers.entries()) {
        expectColour(answer, colours[index] ?? heavyColour(0));
      }
    }
    expect(await service.exit).toEqual({ code: 0, signal: null });
    expect(service.stderr).toBe('');
    expect(service.logs.at(-1)).toMatchObject({ level: 'info', msg: 'drained' });
  });

  it('takes no new connections once the delay is over, and ends when what it took is answered', async (context) => {
    const service = await startHeavy(context, 3 * SOME_WORK);
    const accepted = predict(service.url, await plainPng(heavyColour(3)));
    await untilRunning(service);
    service.send('SIGTERM');
    const knock = () => send(service.url, '/health').catch(() => 'refused');
    await vi.waitFor(async () => expect(await knock()).toBe('refused'), WAITING);
    expectColour(await accepted, heavyColour(3));
    expect(await service.exit).toEqual({ code: 0, signal: null });
  });
});

describe.concurrent('on SIGINT', () => {
  it('skips the delay, and a kept-alive connection gets its answer, is closed and does not hold up the end', async (context) => {
    const service = await startHeavy(context, SOME_WORK, { DRAIN_DELAY_MS: '600000' });
    const connection = await RawConnection.open(service.url);
    await connection.write(head('GET', '/health'));
    expect((await connection.receive()).headers['connection']).toBe('keep-alive');
    await connection.write(wholeRequest('/predict', await plainPng(heavyColour(9))));
    await untilRunning(service);
    service.send('SIGINT');
    const answer = await connection.receive();
    expectColour(answer, heavyColour(9));
    expect(answer.headers['connection']).toBe('close');
    await connection.over();
    expect(await service.exit).toEqual({ code: 0, signal: null });
  });

  it('ends, idle connections and silent ones notwithstanding', async (context) => {
    const service = await startHeavy(context, 1);
    const [idle, silent, hesitant] = await Promise.all([1, 2, 3].map(() => RawConnection.open(service.url)));
    await idle?.write(head('GET', '/health'));
    await idle?.receive();
    await hesitant?.write('POST /predict HT');
    expect(await service.stop('SIGINT')).toEqual({ code: 0, signal: null });
    await Promise.all([idle?.over(), silent?.over(), hesitant?.over()]);
  });

  it('still takes the rest of a body that has begun to arrive', async (context) => {
    const service = await startHeavy(context, 1);
    const image = await plainPng(quickColour(5));
    const connection = await RawConnection.open(service.url);
    const request = wholeRequest('/predict', image);
    await connection.write(request.subarray(0, -10));
    await untilArrived(service, image.length - 10);
    service.send('SIGINT');
    await service.said('draining');
    await connection.write(request.subarray(-10));
    expectColour(await connection.receive(), quickColour(5));
    expect(await service.exit).toEqual({ code: 0, signal: null });
  });
});

describe.concurrent('a connection that was accepted just before the end', () => {
  it('is given time to send its first request, and its answer', async (context) => {
    const service = await startHeavy(context, 1);
    const image = await plainPng(quickColour(6));
    const connections = await Promise.all(Array.from({ length: 20 }, () => RawConnection.open(service.url)));
    service.send('SIGTERM');
    await service.said('draining');
    for (const connection of connections) await connection.write(wholeRequest('/predict', image));
    for (const connection of connections) {
      const answer = await connection.receive();
      expectColour(answer, quickColour(6));
      expect(answer.headers['connection']).toBe('close');
    }
    expect(await service.exit).toEqual({ code: 0, signal: null });
  });
});

// One after the other: a run must end within the time that an aborted service waits for it.
describe('a drain that is cut short', () => {
  it('ends with 1 when DRAIN_TIMEOUT_MS has passed, its clients answered or cut off', async (context) => {
    const service = await startHeavy(context, 2 * SOME_WORK, { DRAIN_TIMEOUT_MS: '100' });
    const connection = await RawConnection.open(service.url);
    await connection.write(wholeRequest('/predict', await plainPng(heavyColour(1))));
    await untilRunning(service);
    expect(await service.stop('SIGTERM')).toEqual({ code: 1, signal: null });
    await connection.over();
    expect(service.stderr).toBe('');
    expect(service.logs.at(-1)).toMatchObject({ level: 'error' });
  });

  it.for<[string, Environment]>([
    ['while it drains', { DRAIN_DELAY_MS: '0' }],
    ['during the delay', { DRAIN_DELAY_MS: '600000' }],
  ])(
    'ends with 1 on a second signal that is not the first one again, %s',
    async ([, environment], context) => {
      // Seconds of work on any machine, of which an aborted service waits for one run alone.
      const service = await startHeavy(context, SOME_WORK, {
        MAX_BATCH_SIZE: '1',
        MAX_EXPECTED_WAIT_MS: LONG_TIMEOUT,
        ...environment,
      });
      const image = await plainPng(heavyColour(1));
      const answers = Promise.allSettled(Array.from({ length: 50 }, () => predict(service.url, image)));
      await untilRunning(service);
      service.send('SIGTERM');
      await service.said('draining');
      const insistence = setInterval(() => service.send('SIGTERM'), 100);
      context.onTestFinished(() => clearInterval(insistence));
      expect(await service.exit).toEqual({ code: 1, signal: null });
      expect(service.stderr).toBe('');
      await answers;
    },
  );
});
