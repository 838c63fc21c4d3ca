import { beforeAll, describe, expect, it } from 'vitest';
import type { RequestErrorCode } from '../../errors.js';
import { expectColour, expectProblem, send } from '../support/answers.js';
import { worstHealthMs } from '../support/health-watch.js';
import { plainPng } from '../support/images.js';
import { peakGrowth } from '../support/memory.js';
import { meanColourModel } from '../support/models.js';
import { type ServiceProcess, startSharedService } from '../support/service-process.js';

const MiB = 1024 * 1024;
/** As much as the limits take. */
const ONE_BYTES = Math.floor((10 * MiB * 4) / 3);
const MANY_BYTES = Math.floor((40 * MiB * 4) / 3);
/** What is promised is 30; this process sends and asks in one thread, which takes some 100. JSON.parse took seconds. */
const WORST_HEALTH_MS = 300;
/** Beside half the size of a document: what a process needs to serve anything at all. */
const SLACK_BYTES = 32 * MiB;
const GREY = { r: 40, g: 50, b: 60 };

let service: ServiceProcess;
beforeAll(async () => {
  const shared = await startSharedService(meanColourModel(), { REQUEST_TIMEOUT_MS: '60000' });
  service = shared.service;
  return shared.end;
});

function repeated(piece: string, bytes: number): Buffer {
  return Buffer.alloc(bytes - (bytes % piece.length), piece);
}

function around(start: string, piece: string, end: string, bytes: number): Buffer {
  return Buffer.concat([
    Buffer.from(start),
    repeated(piece, bytes - start.length - end.length),
    Buffer.from(end),
  ]);
}

describe('JSON that multiplies work holds up nobody and takes no memory of its own:', () => {
  it.each<[string, string, Buffer, RequestErrorCode]>([
    ['brackets', '/predict', repeated('[', ONE_BYTES), 'REQUEST_INVALID'],
    ['nested lists in a list', '/predict', around('{"x":[[]', ',[]', ']}', ONE_BYTES), 'REQUEST_INVALID'],
    ['empty objects', '/predict/batch', around('[{}', ',{}', ']', MANY_BYTES), 'REQUEST_INVALID'],
    ['numbers', '/predict/batch', around('{"x":[1', ',1', ']}', MANY_BYTES), 'REQUEST_INVALID'],
    ['one text', '/predict/batch', around('{"x":"', 'x', '"}', MANY_BYTES), 'IMAGE_MISSING'],
    ['members', '/predict', around('{"a":1', ',"a":1', '}', ONE_BYTES), 'REQUEST_INVALID'],
    ['escapes', '/predict', around('{"image":"', '\\u0041', '"}', ONE_BYTES), 'IMAGE_TYPE_UNSUPPORTED'],
    [
      'an escaped text',
      '/predict/batch',
      around('{"images":["', '\\/', '"]}', MANY_BYTES),
      'IMAGE_TOO_LARGE',
    ],
    [
      'elements of the list',
      '/predict/batch',
      around('{"images":[0', ',0', ']}', MANY_BYTES),
      'BATCH_TOO_LARGE',
    ],
  ])('%s', async (_, path, body, code) => {
    const headers = { 'content-type': 'application/json' };
    let growth = 0;
    const worstMs = await worstHealthMs(service, async () => {
      growth = await peakGrowth(service.pid, async () => {
        const answer = await send(service.url, path, { body, headers });
        if (answer.status !== 200) return expectProblem(answer, code);
        expect(answer.text).toContain(`"code":"${code}"`);
      });
    });
    expect(worstMs).toBeLessThan(WORST_HEALTH_MS);
    expect(growth).toBeLessThan(body.length / 2 + SLACK_BYTES);
  });
});

it('an honest image of 10 MB in JSON is served, in three times its size and without holding up anybody', async () => {
  const png = await plainPng(GREY);
  const padded = Buffer.concat([png, Buffer.alloc(10 * MiB - png.length, 'padding')]);
  const body = JSON.stringify({ image: padded.toString('base64') });
  let growth = 0;
  const worstMs = await worstHealthMs(service, async () => {
    growth = await peakGrowth(service.pid, async () => {
      const headers = { 'content-type': 'application/json' };
      expectColour(await send(service.url, '/predict', { body, headers }), GREY);
    });
  });
  expect(worstMs).toBeLessThan(WORST_HEALTH_MS);
  // The image, in pieces and joined, and half the document's size beside it.
  expect(growth).toBeLessThan(2 * padded.length + body.length / 2 + SLACK_BYTES);
});
