import { beforeAll, describe, expect, it, vi } from 'vitest';
import { expectColour, expectProblem, predict } from '../support/answers.js';
import { gridAvif } from '../support/avif.js';
import { decodeProcessesOf } from '../support/decode-processes.js';
import { Folders } from '../support/folders.js';
import { plainPng } from '../support/images.js';
import { readMetric } from '../support/metrics.js';
import { meanColourModel, writeModelFolder } from '../support/models.js';
import { RawConnection, wholeRequest } from '../support/raw-connection.js';
import { scanBomb } from '../support/scan-bomb.js';
import { type ServiceProcess, startService, startSharedService } from '../support/service-process.js';

const RESTARTS = 'cv_decode_process_restarts_total';
const WAITING = { timeout: 20_000, interval: 20 };
const COLOUR = { r: 10, g: 200, b: 90 };
const SETTINGS = {
  IMAGE_FORMATS: 'jpeg,png,webp,avif,gif,tiff',
  DECODE_CONCURRENCY: '1',
  // Far off: whoever waits for it is noticed.
  REQUEST_TIMEOUT_MS: '100000',
} as const;

let service: ServiceProcess;
beforeAll(async () => {
  const shared = await startSharedService(meanColourModel(), SETTINGS);
  service = shared.service;
  return shared.end;
});

async function expectServed(): Promise<void> {
  expectColour(await predict(service.url, await plainPng(COLOUR)), COLOUR);
}

/** The process that decodes, once it is there. */
async function decodeProcess(of: ServiceProcess = service): Promise<number> {
  await vi.waitFor(() => expect(decodeProcessesOf(of)).toHaveLength(1), WAITING);
  return decodeProcessesOf(of)[0] ?? 0;
}

async function untilDecoding(images: number, of = service): Promise<void> {
  const decoding = () => readMetric(of.url, 'cv_decodes_active');
  await vi.waitFor(async () => expect(await decoding()).toBe(images), WAITING);
}

describe('a small file that multiplies its work', () => {
  it.each([
    ['3,000 scans in 175 KB', async () => scanBomb({ width: 4600, height: 4600, scans: 3000 })],
    ['40,000 scans in 1.3 MB', async () => scanBomb({ width: 4600, height: 4600, scans: 40_000 })],
    [
      '256 uses of a tile in 1.5 KB',
      async () => gridAvif({ tile: 2000, rows: 16, columns: 16, width: 2000, height: 2000 }),
    ],
  ])('is refused, and nobody waits for it: %s', async (_, bomb) => {
    const file = await bomb();
    const bombs = Array.from({ length: 8 }, () => predict(service.url, file));
    await expectServed();
    for (const answer of await Promise.all(bombs)) expectProblem(answer, 'IMAGE_UNDECODABLE');
  });
});

describe('a decode process', () => {
  it('that is killed in the middle of a file costs that request alone, which may try again', async () => {
    await expectServed();
    const pid = await decodeProcess();
    process.kill(pid, 'SIGSTOP');
    const lost = predict(service.url, await plainPng(COLOUR));
    const next = predict(service.url, await plainPng(COLOUR));
    await untilDecoding(1);
    process.kill(pid, 'SIGKILL');
    const answers = await Promise.all([lost, next]);
    const failed = answers.filter(({ status }) => status !== 200);
    expect(failed).toHaveLength(1);
    for (const answer of failed) expectProblem(answer, 'WORKER_LOST');
    await expectServed();
  });

  it('that does not come to an end is given up with its request', async () => {
    await expectServed();
    const pid = await decodeProcess();
    process.kill(pid, 'SIGSTOP');
    const late = await predict(service.url, await plainPng(COLOUR), { 'x-request-timeout-ms': '300' });
    expectProblem(late, 'DEADLINE_EXCEEDED');
    await expectServed();
    expect(decodeProcessesOf(service)).not.toContain(pid);
  });

  it('that crashes again and again serves the others, and is counted', async () => {
    const restarts = await readMetric(service.url, RESTARTS);
    for (let round = 0; round < 5; round++) {
      const pid = await decodeProcess();
      process.kill(pid, 'SIGSEGV');
      await vi.waitFor(
        () => expect(decodeProcessesOf(service).filter((each) => each !== pid)).toHaveLength(1),
        WAITING,
      );
      await expectServed();
    }
    expect(await readMetric(service.url, RESTARTS)).toBe(restarts + 5);
  });
});

describe('a service that is told to end', () => {
  it('ends when it has said so, though a decode that was given up never would', async () => {
    const folders = await Folders.create();
    const model = await writeModelFolder(meanColourModel(), undefined, await folders.next());
    const ending = await startService({ ...SETTINGS, MODEL_URI: model });
    const pid = await decodeProcess(ending);
    process.kill(pid, 'SIGSTOP');
    const connection = await RawConnection.open(ending.url);
    await connection.write(wholeRequest('/predict', await plainPng(COLOUR), { 'content-type': 'image/png' }));
    await untilDecoding(1, ending);
    connection.destroy();
    ending.send('SIGTERM');
    expect(await ending.exit).toEqual({ code: 0, signal: null });
    expect(ending.logs.at(-1)).toMatchObject({ msg: 'drained' });
    expect(decodeProcessesOf(ending)).toEqual([]);
    await folders.remove();
  });
});
