import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, type TestContext, vi } from 'vitest';
import { expectColour, expectProblem, predict, send } from '../support/answers.js';
import { ENDLESS_COLOUR, endlessModel, QUICK_COLOUR, unloadableModel } from '../support/endless-model.js';
import { Folders } from '../support/folders.js';
import { plainPng } from '../support/images.js';
import { MEAN_COLOUR_MANIFEST, writeModelFolder } from '../support/models.js';
import type { OnnxModel } from '../support/onnx.js';
import {
  type Environment,
  launchService,
  type ServiceProcess,
  startService,
} from '../support/service-process.js';

const WAITING = { timeout: 60_000, interval: 50 };
const LONG_TEST = 90_000;
/** Long enough for an honest run on a busy machine. */
const RUN_TIMEOUT = { RUN_TIMEOUT_MS: '2000', INTRA_OP_THREADS: '1' };

/** Node before 22.15 cannot choose its exit code while a native run goes on. */
const BY_FORCE = process.execve === undefined ? { code: null, signal: 'SIGKILL' } : { code: 1, signal: null };

let folders: Folders;
beforeAll(async () => {
  folders = await Folders.create();
  return () => folders.remove();
});

async function environmentFor(model: OnnxModel, manifest = {}): Promise<Environment> {
  const folder = await folders.next();
  await writeFile(join(folder, 'red.png'), await plainPng(ENDLESS_COLOUR));
  await writeModelFolder(model, { ...MEAN_COLOUR_MANIFEST, ...manifest }, folder);
  return { MODEL_URI: folder, ...RUN_TIMEOUT };
}

function fatalOf(service: ServiceProcess) {
  return service.logs.filter(({ level }) => level === 'fatal').map(({ code }) => code);
}

describe.concurrent('a run that never ends, before the service is ready,', () => {
  it('at warm-up: ends the process with MODEL_INCOMPATIBLE', { timeout: LONG_TEST }, async (context) => {
    const service = launchService(await environmentFor(endlessModel(-1)), context.onTestFinished);
    expect(await service.exit).toEqual(BY_FORCE);
    expect(fatalOf(service)).toEqual(['MODEL_INCOMPATIBLE']);
    expect(service.logs.at(-1)).toMatchObject({
      level: 'fatal',
      msg: expect.stringContaining('RUN_TIMEOUT_MS'),
    });
    expect(service.stderr).toBe('');
  });

  it('in the golden check: ends it with MODEL_GOLDEN_MISMATCH', { timeout: LONG_TEST }, async (context) => {
    const golden = [{ file: 'red.png', predictions: [{ label: 'red', score: 1 }], tolerance: 0.01 }];
    const service = launchService(
      await environmentFor(endlessModel(0.9), { golden }),
      context.onTestFinished,
    );
    expect(await service.exit).toEqual(BY_FORCE);
    expect(fatalOf(service)).toEqual(['MODEL_GOLDEN_MISMATCH']);
    expect(service.stderr).toBe('');
  });

  it('does not keep it from ending on SIGTERM, long before the run is given up', {
    timeout: LONG_TEST,
  }, async (context) => {
    const environment = { ...(await environmentFor(endlessModel(-1))), RUN_TIMEOUT_MS: '3600000' };
    const service = launchService(environment, context.onTestFinished);
    await untilThreadsRun(service);
    expect(await service.stop('SIGTERM')).toEqual(BY_FORCE);
    expect(fatalOf(service)).toEqual([]);
  });

  it('nor does a model that takes for ever to load', { timeout: LONG_TEST }, async (context) => {
    const environment = await environmentFor(unloadableModel());
    const service = launchService(environment, context.onTestFinished);
    await service.said('listening');
    expect(await service.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(fatalOf(service)).toEqual([]);
  });

  it('and one that takes longer than MODEL_LOAD_TIMEOUT_MS is refused', {
    timeout: LONG_TEST,
  }, async (context) => {
    const environment = { ...(await environmentFor(unloadableModel())), MODEL_LOAD_TIMEOUT_MS: '3000' };
    const service = launchService(environment, context.onTestFinished);
    expect(await service.exit).toEqual({ code: 1, signal: null });
    expect(fatalOf(service)).toEqual(['MODEL_INCOMPATIBLE']);
  });
});

/** Until the model is loaded on a thread: from then on it is warmed up. */
async function untilThreadsRun(service: ServiceProcess): Promise<void> {
  await service.said('sized');
  const cpuSeconds = async () =>
    Number(/^process_cpu_seconds_total (\S+)/m.exec((await send(service.url, '/metrics')).text)?.[1]);
  await service.said('listening');
  const before = await cpuSeconds();
  await vi.waitFor(async () => expect(await cpuSeconds()).toBeGreaterThan(before + 2), WAITING);
}

async function startEndless(context: TestContext, workers: string): Promise<ServiceProcess> {
  const environment = await environmentFor(endlessModel(0.9));
  return startService(
    { ...environment, WORKERS: workers, MAX_BATCH_SIZE: '1', DRAIN_TIMEOUT_MS: '1000' },
    context.onTestFinished,
  );
}

describe.concurrent('runs that never end, while the service is serving,', () => {
  it('cost a thread each, which is replaced, and never fail /health as long as it can be', {
    timeout: LONG_TEST,
  }, async (context) => {
    const service = await startEndless(context, '1');
    expectProblem(await predict(service.url, await plainPng(ENDLESS_COLOUR)), 'WORKER_LOST');
    expect((await send(service.url, '/health')).status).toBe(200);
    await vi.waitFor(async () => expect((await send(service.url, '/ready')).status).toBe(200), WAITING);
    expectColour(await predict(service.url, await plainPng(QUICK_COLOUR)), QUICK_COLOUR);
    expect(await service.stop('SIGTERM')).toEqual(BY_FORCE);
  });

  it('fail /health once no thread can be replaced any more; SIGTERM still ends the process', {
    timeout: LONG_TEST,
  }, async (context) => {
    const service = await startEndless(context, '2');
    const image = await plainPng(ENDLESS_COLOUR);
    const answers = await Promise.all(
      [image, image, image, image].map((bytes) => predict(service.url, bytes)),
    );
    for (const answer of answers) expectProblem(answer, 'WORKER_LOST');
    expectProblem(await send(service.url, '/ready'), 'NOT_READY');
    expect((await send(service.url, '/health')).status).toBe(200);
    await service.logged(({ level, msg }) => level === 'error' && msg.includes('restart needed'));
    expectProblem(await send(service.url, '/health'), 'RESTART_NEEDED');
    expect(await service.stop('SIGTERM')).toEqual(BY_FORCE);
    expect(service.stderr).toBe('');
  });
});
