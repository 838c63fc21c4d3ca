import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { expectProblem, postJson, predict } from '../support/answers.js';
import { plainPng } from '../support/images.js';
import { readMetric } from '../support/metrics.js';
import { meanColourModel, temporaryFolder, writeModelFolder } from '../support/models.js';
import { S3_TEST_KEY, startScriptedServer } from '../support/s3-server.js';
import { startService } from '../support/service-process.js';

const LONG_TEST = { timeout: 60_000 };
const WAITING = { timeout: 10_000, interval: 20 };
const COLOUR = { r: 200, g: 100, b: 50 };
/** Node before 22.15 cannot choose its exit code while native code goes on. */
const BY_FORCE = process.execve === undefined ? { code: null, signal: 'SIGKILL' } : { code: 0, signal: null };

async function settings(captureTo: string): Promise<Record<string, string>> {
  const MODEL_URI = await writeModelFolder(meanColourModel());
  return { MODEL_URI, CAPTURE_TO: captureTo, CAPTURE_SHARE: '1' };
}

it(
  'a service whose folder for captures hangs answers on, refuses feedback, drains and ends',
  LONG_TEST,
  async () => {
    const folder = await temporaryFolder();
    const days = [0, 1].map((later) => new Date(Date.now() + later * 86_400_000).toISOString().slice(0, 10));
    for (const day of days) {
      const path = join(folder, 'mean-colour/1.0.0', day);
      await mkdir(path, { recursive: true });
      execFileSync('mkfifo', [join(path, 'first.png.part')]);
    }
    const service = await startService(await settings(folder));
    const image = await plainPng(COLOUR);
    await predict(service.url, image, { 'x-request-id': 'first' });
    await vi.waitFor(
      async () => expect(await readMetric(service.url, 'cv_capture_pending_bytes')).toBeGreaterThan(0),
      WAITING,
    );
    for (let index = 0; index < 50; index += 1) expect((await predict(service.url, image)).status).toBe(200);
    const feedback = await postJson(service.url, '/feedback', { request_id: 'first', label: 'red' });
    expectProblem(feedback, 'STORAGE_UNAVAILABLE');
    expect(await service.stop('SIGTERM')).toEqual(BY_FORCE);
    expect(service.logs.at(-1)).toMatchObject({ msg: 'drained' });
  },
);

it('a service whose bucket never answers answers on, drains and ends', LONG_TEST, async () => {
  const silent = await startScriptedServer(() => undefined);
  const service = await startService({
    ...(await settings('s3://captures/of')),
    AWS_ENDPOINT_URL_S3: silent.url,
    AWS_ACCESS_KEY_ID: S3_TEST_KEY,
    AWS_SECRET_ACCESS_KEY: S3_TEST_KEY,
  });
  const image = await plainPng(COLOUR);
  for (let index = 0; index < 50; index += 1) expect((await predict(service.url, image)).status).toBe(200);
  expect(await readMetric(service.url, 'cv_capture_pending_bytes')).toBeGreaterThan(0);
  expect(await service.stop('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(service.logs.slice(-2)).toMatchObject([{ level: 'warn', images: 50 }, { msg: 'drained' }]);
  await silent.close();
});
