import { Agent, request } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { RequestErrorCode } from '../../errors.js';
import { expectColour, expectProblem } from '../support/answers.js';
import { quickColour } from '../support/heavy-model.js';
import { plainPng } from '../support/images.js';
import { peakGrowth } from '../support/memory.js';
import { readMetric } from '../support/metrics.js';
import { meanColourModel, writeModelFolder } from '../support/models.js';
import { chunk, head, RawConnection, wholeRequest } from '../support/raw-connection.js';
import { type ServiceProcess, startService, startSharedService } from '../support/service-process.js';

const MiB = 1024 * 1024;
const PNG = { 'content-type': 'image/png' };
const JSON_TYPE = { 'content-type': 'application/json' };
const FORM = { 'content-type': 'multipart/form-data; boundary=edge' };
const PART = '--edge\r\ncontent-disposition: form-data; name="file"; filename="x.png"\r\n\r\n';
const PARTS = PART.replace('"file"', '"files"');
const CHUNKED = { 'transfer-encoding': 'chunked' };
/** What the service may need beside the bodies themselves: V8 lets 64 MB of dead buffers stand before it collects. */
const SLACK_BYTES = 64 * MiB;

let service: ServiceProcess;
beforeAll(async () => {
  const shared = await startSharedService(meanColourModel(), { REQUEST_TIMEOUT_MS: '1000' });
  service = shared.service;
  return shared.end;
});

/** @param whenOver where tests run at once, each registers its own end */
async function connect(whenOver: (end: () => void) => void = onTestFinished): Promise<RawConnection> {
  const connection = await RawConnection.open(service.url);
  whenOver(() => connection.destroy());
  return connection;
}

/** An image in chunks of a byte each, then padding that its decoder does not look at. */
async function inSingleBytes(count: number): Promise<Buffer> {
  const image = await plainPng(quickColour(4));
  const start = [...image].map((byte) => chunk(new Uint8Array([byte])));
  return Buffer.concat([...start, Buffer.from('1\r\nx\r\n'.repeat(count - image.length)), chunk('')]);
}

/** Sends the same bytes again and again until the connection is over. Says how many there were. */
async function sendEndlessly(connection: RawConnection, bytes: Buffer): Promise<number> {
  let sent = 0;
  for (; !connection.isOver; sent += bytes.length) await connection.write(bytes);
  return sent;
}

async function untilNobodyIsServed(): Promise<void> {
  const inFlight = () => readMetric(service.url, 'cv_in_flight_images');
  await vi.waitFor(async () => expect(await inFlight()).toBe(0), { timeout: 5000, interval: 20 });
}

describe.concurrent('a body that comes too slowly, or is said to be too large', () => {
  it.for<[string, string, Record<string, string>, string]>([
    ['an image', '/predict', PNG, 'x'],
    ['an image in chunks', '/predict', { ...PNG, ...CHUNKED }, '1\r\nx\r\n'],
    ['a form', '/predict', FORM, PART],
    ['a form, in mid-file', '/predict/batch', FORM, `${PARTS}x`],
    ['JSON', '/predict', JSON_TYPE, '{"image": "'],
    ['a batch as JSON', '/predict/batch', JSON_TYPE, '{"images": ["'],
    ['nothing of an image', '/predict', PNG, ''],
  ])('%s (%s): DEADLINE_EXCEEDED, and then the connection ends', async ([, path, type, start], context) => {
    const connection = await connect(context.onTestFinished);
    const length = 'transfer-encoding' in type ? {} : { 'content-length': 1000 };
    const startedAt = performance.now();
    await connection.write(head('POST', path, { ...type, ...length, 'x-request-timeout-ms': 200 }) + start);
    expectProblem(await connection.receive(), 'DEADLINE_EXCEEDED');
    expect(performance.now() - startedAt).toBeLessThan(900);
    await connection.over();
    await untilNobodyIsServed();
  });

  it('is answered though its bytes trickle in, and the trickle is cut off', async (context) => {
    const connection = await connect(context.onTestFinished);
    await connection.write(
      head('POST', '/predict', { ...PNG, 'content-length': 10 ** 6, 'x-request-timeout-ms': 200 }),
    );
    const trickle = setInterval(() => void connection.write('x'), 5);
    context.onTestFinished(() => clearInterval(trickle));
    expectProblem(await connection.receive(), 'DEADLINE_EXCEEDED');
    await connection.over();
  });

  it('has a head that never ends: REQUEST_TIMEOUT, and the connection ends', async (context) => {
    const connection = await connect(context.onTestFinished);
    await connection.write('POST /predict HTTP/1.1\r\nhost: service\r\nx-slow: ');
    expectProblem(await connection.receive(), 'REQUEST_TIMEOUT');
    await connection.over();
  });

  it.for<[string, string, Record<string, string>, RequestErrorCode]>([
    ['an image', '/predict', PNG, 'IMAGE_TOO_LARGE'],
    ['a form', '/predict', FORM, 'IMAGE_TOO_LARGE'],
    ['JSON', '/predict', JSON_TYPE, 'IMAGE_TOO_LARGE'],
    ['a batch form', '/predict/batch', FORM, 'BATCH_TOO_LARGE'],
    ['a batch as JSON', '/predict/batch', JSON_TYPE, 'BATCH_TOO_LARGE'],
  ])('%s of 1 GB is refused by its length alone', async ([, path, type, code], context) => {
    const connection = await connect(context.onTestFinished);
    await connection.write(head('POST', path, { ...type, 'content-length': 10 ** 9 }));
    expectProblem(await connection.receive(), code);
    await connection.over();
  });
});

describe('a body of a million chunks', () => {
  it('is taken, and costs the service little memory', async () => {
    const patient = await startService({ MODEL_URI: await writeModelFolder(meanColourModel()) });
    const connection = await RawConnection.open(patient.url);
    const body = await inSingleBytes(1_000_000);
    const growth = await peakGrowth(patient.pid, async () => {
      await connection.write(head('POST', '/predict', { ...PNG, ...CHUNKED }));
      await connection.write(body);
      expectColour(await connection.receive(), quickColour(4));
    });
    expect(growth).toBeLessThan(SLACK_BYTES);
  });
});

describe('a body that is too large', () => {
  it('is taken in after the refusal where the connection ends with it, for clients that send all before they read', async () => {
    const connection = await connect();
    const size = 12 * MiB;
    await connection.write(head('POST', '/predict', { ...PNG, connection: 'close', 'content-length': size }));
    for (let sent = 0; sent < size; sent += MiB) await connection.write('A'.repeat(MiB));
    expectProblem(await connection.receive(), 'IMAGE_TOO_LARGE');
    await connection.over();
    expect(connection.isDestroyed).toBe(false);
  });

  it('costs no client the answer, nor the connection of its next request', async () => {
    const agent = new Agent({ keepAlive: true });
    onTestFinished(() => agent.destroy());
    const ask = (method: string, path: string, body?: Buffer): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const headers = body === undefined ? {} : CHUNKED;
        const asked = request(new URL(path, service.url), { method, agent, headers }, (answer) => {
          answer.resume().on('end', () => resolve(answer.statusCode));
        });
        asked.on('error', reject).end(body);
      });
    const eight = <T>(act: () => T): Promise<Awaited<T>[]> => Promise.all(Array.from({ length: 8 }, act));
    const body = Buffer.alloc(38 * MiB);
    for (let round = 0; round < 3; round++) {
      expect(new Set(await eight(() => ask('POST', '/predict', body)))).toEqual(new Set([413]));
      // Until the kernel has taken all of each body, and the agent keeps its connection.
      await setTimeout(300);
      expect(new Set(await eight(() => ask('GET', '/health')))).toEqual(new Set([200]));
    }
  });

  it.each<[string, string, Record<string, string>, string, RequestErrorCode, number]>([
    ['an image', '/predict', PNG, '', 'IMAGE_TOO_LARGE', 10 * MiB],
    ['a form', '/predict', FORM, PART, 'IMAGE_TOO_LARGE', 10 * MiB],
    ['JSON', '/predict', JSON_TYPE, '{"image": "', 'IMAGE_TOO_LARGE', 14 * MiB],
    ['a batch form', '/predict/batch', FORM, PARTS, 'BATCH_TOO_LARGE', 40 * MiB],
  ])('%s without an end is refused while it comes, in bounded memory, and cut off', async (...row) => {
    const [, path, type, start, code, limit] = row;
    const connection = await connect();
    const growth = await peakGrowth(service.pid, async () => {
      await connection.write(head('POST', path, { ...type, ...CHUNKED }));
      if (start !== '') await connection.write(chunk(start));
      const sending = sendEndlessly(connection, chunk('A'.repeat(256 * 1024)));
      expectProblem(await connection.receive(), code);
      expect(await sending).toBeGreaterThan(limit);
    });
    expect(growth).toBeLessThan(2 * limit + SLACK_BYTES);
    await untilNobodyIsServed();
  });
});

describe('bodies that are too large together', () => {
  const UPLOADS = 12;

  it.each<[string, string, Record<string, string>, string, number]>([
    ['images', '/predict', PNG, '', 9 * MiB],
    ['forms', '/predict', FORM, PART, 9 * MiB],
    ['batches as JSON', '/predict/batch', JSON_TYPE, '{"images": ["', 14 * MiB],
  ])(
    '%s are refused beyond what there is room for, and the room is there again afterwards',
    async (...row) => {
      const [, path, type, start, size] = row;
      const roomy = 40 * MiB;
      const { url, pid } = await startService({
        MODEL_URI: await writeModelFolder(meanColourModel()),
        MAX_IN_FLIGHT_BYTES: String(roomy),
      });
      const uploads = await Promise.all(Array.from({ length: UPLOADS }, () => RawConnection.open(url)));
      const growth = await peakGrowth(pid, async () => {
        const sending = uploads.map(async (upload) => {
          await upload.write(head('POST', path, { ...type, 'content-length': size + 1000 }) + start);
          for (let sent = 0; sent < size && !upload.isOver; sent += MiB) await upload.write('A'.repeat(MiB));
        });
        await Promise.all(sending);
        await expect
          .poll(() => readMetric(url, 'cv_rejections_total{code="OVERLOADED"}'), { timeout: 5000 })
          .toBeGreaterThanOrEqual(UPLOADS - Math.floor(roomy / size));
      });
      expect(growth).toBeLessThan(2 * roomy + SLACK_BYTES);
      for (const upload of uploads) upload.destroy();
      await expect.poll(() => readMetric(url, 'cv_in_flight_images'), { timeout: 5000 }).toBe(0);
      const connection = await RawConnection.open(url);
      onTestFinished(() => connection.destroy());
      await connection.write(wholeRequest('/predict', await plainPng(quickColour(2))));
      expectColour(await connection.receive(), quickColour(2));
    },
  );
});

describe('a client that leaves in mid-upload', () => {
  it.each<[string, string, Record<string, string>, string]>([
    ['an image', '/predict', PNG, 'x'],
    ['a form', '/predict', FORM, `${PART}x`],
    ['JSON', '/predict', JSON_TYPE, '{'],
    ['a batch form', '/predict/batch', FORM, PARTS],
  ])('of %s (%s) is forgotten at once', async (_, path, type, start) => {
    const { url } = service;
    const leavers = await Promise.all(Array.from({ length: 10 }, connect));
    const requestsBefore = await readMetric(url, requestsTotal(path));
    for (const [index, leaver] of leavers.entries()) {
      await leaver.write(head('POST', path, { ...type, 'content-length': 1000 }) + start);
      if (index % 2 === 0) leaver.destroy();
      else leaver.reset();
    }
    await expect
      .poll(() => readMetric(url, requestsTotal(path)), { timeout: 5000, interval: 20 })
      .toBeGreaterThan(requestsBefore);
    await untilNobodyIsServed();
    const connection = await connect();
    await connection.write(wholeRequest('/predict', await plainPng(quickColour(2))));
    expectColour(await connection.receive(), quickColour(2));
  });

  function requestsTotal(route: string): string {
    return `cv_http_requests_total{method="POST",route="${route}",status="499"}`;
  }
});
