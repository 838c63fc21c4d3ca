import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import fastify, { type FastifyRequest } from 'fastify';
import { expect, it, onTestFinished } from 'vitest';
import { Admission } from '../../admission/admission.js';
import { RequestScope } from '../../admission/request-scope.js';
import { ServiceError } from '../../errors.js';
import { readBody } from './body.js';

const LIMIT = { maxBytes: 1_000_000, tooLarge: () => new ServiceError('IMAGE_TOO_LARGE', 'too large') };

/** What a service that reads bodies so has of one that is sent to it. */
async function served(body: Buffer, read: (request: FastifyRequest) => Promise<Buffer>): Promise<Buffer> {
  const server = fastify();
  onTestFinished(() => server.close());
  const admission = new Admission({ maxImages: 1, maxExpectedWaitMs: 1000, maxBytes: 1e6 }, () => 0);
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', (_request, _payload, done) => done(null));
  server.post('/', async (request) => {
    const pace = { bytesPerSecond: 1, graceMs: 2000 };
    request.scope = new RequestScope({
      traffic: 'single',
      budgetMs: 10_000,
      body: admission.openBody('single'),
      pace,
    });
    const received = await read(request);
    request.scope.end(false);
    return received;
  });
  const url = await server.listen();
  const headers = { 'content-type': 'image/png' };
  const answer = await fetch(url, { method: 'POST', headers, body: new Uint8Array(body) });
  expect(answer.status).toBe(200);
  return Buffer.from(await answer.arrayBuffer());
}

function busyFor(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until; );
}

it.each<[string, number, number, number]>([
  ['at once', 100_000, 0, 0],
  ['though it has arrived before it is looked at', 100_000, 0, 100],
  ['though each slice takes long', 30_000, 5, 0],
  ['though each slice takes long, and all has arrived before', 30_000, 5, 100],
])('takes a body whole: %s', async (_, size, sliceMs, waitMs) => {
  const body = randomBytes(size);
  const received = await served(body, async (request) => {
    await sleep(waitMs);
    const slices: Buffer[] = [];
    await readBody(request, LIMIT, (slice) => {
      busyFor(sliceMs);
      slices.push(slice);
    });
    return Buffer.concat(slices);
  });
  expect(received.equals(body)).toBe(true);
});

it('lets others have their turn while a piece takes long', async () => {
  let turns = 0;
  await served(randomBytes(30_000), async (request) => {
    const counting = setInterval(() => {
      turns += 1;
    }, 1);
    await readBody(request, LIMIT, () => busyFor(5));
    clearInterval(counting);
    return Buffer.alloc(1);
  });
  expect(turns).toBeGreaterThan(5);
});

it('gives up where a slice that waited for its turn is refused', async () => {
  let slices = 0;
  await served(randomBytes(30_000), async (request) => {
    const fault = new ServiceError('REQUEST_INVALID', 'wrong');
    const reading = readBody(request, LIMIT, () => {
      busyFor(5);
      slices += 1;
      if (slices === 4) throw fault;
    });
    await expect(reading).rejects.toBe(fault);
    await sleep(20);
    return Buffer.alloc(1);
  });
  expect(slices).toBe(4);
});
