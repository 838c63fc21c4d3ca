import { describe, expect, it } from 'vitest';
import { expectProblem, json, predict, send } from '../support/answers.js';
import { plainPng } from '../support/images.js';
import { startStallingModelServer } from '../support/model-server.js';
import {
  MEAN_COLOUR_MANIFEST,
  meanColourModel,
  slowModel,
  temporaryFolder,
  writeModelFolder,
} from '../support/models.js';
import { launchService, type ServiceProcess } from '../support/service-process.js';

const GREY = { r: 90, g: 90, b: 90 };
/** Far beyond what any test waits: a drain that waited for it would be noticed. */
const LONG_DELAY = { DRAIN_DELAY_MS: '600000' };

/** A service in the middle of its download. */
async function launchLoading() {
  const models = await startStallingModelServer(meanColourModel(), MEAN_COLOUR_MANIFEST);
  const service = launchService({
    MODEL_URI: models.url,
    MODEL_CACHE_DIR: await temporaryFolder(),
    ...LONG_DELAY,
  });
  await service.said('listening');
  await models.asked;
  return { service, models };
}

async function statuses(service: ServiceProcess, ...paths: string[]): Promise<number[]> {
  const answers = await Promise.all(paths.map((path) => send(service.url, path)));
  return answers.map((answer) => answer.status);
}

describe('while the model is loading', () => {
  it('is alive and not ready, refuses images to be sent again, and serves once it has loaded', async () => {
    const { service, models } = await launchLoading();
    const image = await plainPng(GREY);
    expect(json(await send(service.url, '/health'))).toEqual({ status: 'ok', state: 'starting' });
    expectProblem(await send(service.url, '/ready'), 'NOT_READY');
    expectProblem(await send(service.url, '/model'), 'NOT_READY');
    expectProblem(await predict(service.url, image), 'NOT_READY');
    expect((await send(service.url, '/metrics')).text).toContain('\ncv_ready 0\n');
    models.release();
    await service.said('ready');
    expect(await statuses(service, '/health', '/ready', '/model')).toEqual([200, 200, 200]);
    expect((await predict(service.url, image)).status).toBe(200);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('ends at once, and well, on %s', async (signal) => {
    const { service } = await launchLoading();
    expect(await service.stop(signal)).toEqual({ code: 0, signal: null });
    expect(service.stderr).toBe('');
    expect(service.logs.map((line) => line.level)).not.toContain('fatal');
  });

  it('ends without the delay of a drain, and never turns ready, on SIGTERM during the warm-up', async () => {
    const service = launchService({ MODEL_URI: await writeModelFolder(slowModel(1024, 20)), ...LONG_DELAY });
    await service.said('listening');
    expect(await service.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(service.stderr).toBe('');
  });
});
