import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { BOX_MANIFEST, type BoxRow, boxModel } from '../support/box-model.js';
import { decodeProcessesOf } from '../support/decode-processes.js';
import { worstHealthMs } from '../support/health-watch.js';
import { plainJpeg, plainPng } from '../support/images.js';
import { peakGrowth } from '../support/memory.js';
import { type ServiceProcess, startSharedService } from '../support/service-process.js';

const MB = 1024 * 1024;
const GREY = { r: 90, g: 90, b: 90 };
const LABELS = ['x'.repeat(500), 'new\nline', '😀 <b>&', 'مرحبا \u202E', '猫', ''];
/** As many as one answer has, over one another. */
const ROWS = Array.from({ length: 300 }, (_, at): BoxRow => {
  const [x, y] = [at % 20, Math.floor(at / 20)];
  return [x, y, x + 30, y + 40, 0.3 + at / 1000, at % LABELS.length];
});
const MANIFEST = { ...BOX_MANIFEST, output: { ...BOX_MANIFEST.output, labels: LABELS } };

let service: ServiceProcess;
beforeAll(async () => {
  const shared = await startSharedService(boxModel(ROWS), { MAX_EXPECTED_WAIT_MS: '60000' }, MANIFEST);
  service = shared.service;
  return shared.end;
});

async function picture(body: Buffer, format = 'png') {
  const answer = await fetch(new URL('/predict', service.url), {
    method: 'POST',
    body: new Uint8Array(body),
    headers: { accept: `image/${format}`, 'content-type': 'application/octet-stream' },
  });
  return { status: answer.status, file: Buffer.from(await answer.arrayBuffer()) };
}

describe('300 boxes over one another with labels of all kinds are drawn', () => {
  it.each([
    [1, 1, 400, 400],
    [10_000, 10, 2048, 64],
    [10, 10_000, 160, 2048],
    [640, 480, 640, 480],
  ])('on an image of %i x %i', async (width, height, drawnWidth, drawnHeight) => {
    const { status, file } = await picture(await plainPng(GREY, width, height));
    expect(status).toBe(200);
    expect(await sharp(file).metadata()).toMatchObject({ width: drawnWidth, height: drawnHeight });
  });
});

it('of 25 megapixels costs no more memory than the answer without it, and no time of the event loop', async () => {
  const body = await plainJpeg(GREY, 5000, 5000);
  const [process = 0] = decodeProcessesOf(service);
  let worstMs = 0;
  const ask = async (): Promise<void> => {
    worstMs = await worstHealthMs(service, async () => {
      const { status, file } = await picture(body);
      expect([status, (await sharp(file).metadata()).width]).toEqual([200, 2048]);
    });
  };
  let ofProcess = 0;
  const ofService = await peakGrowth(service.pid, async () => {
    ofProcess = await peakGrowth(process, ask);
  });
  expect(worstMs).toBeLessThan(100);
  expect(ofService).toBeLessThan(160 * MB);
  expect(ofProcess).toBeLessThan(160 * MB);
});

it('is answered for whoever comes at once, and as JSON meanwhile', async () => {
  const body = await plainPng(GREY, 640, 480);
  const answers = await Promise.all(Array.from({ length: 12 }, () => picture(body, 'jpeg')));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
});
