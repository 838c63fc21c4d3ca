import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Image } from '../images.js';
import { readThresholds } from '../thresholds.js';
import { ArrivalPace, ClosedPace } from './pace.js';
import { fire, type Run, targetOf, type Watch } from './run.js';

/** What an image shows is its bytes, so that a server reads it without a model. */
const IMAGES: readonly Image[] = ['cat', 'dog', 'cow'].map((label) => ({
  name: `${label}.png`,
  contentType: 'image/png',
  bytes: Buffer.from(label),
  label,
}));

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function predict(response: ServerResponse, label: string): void {
  response.setHeader('server-timing', 'decode;dur=1.5, inference;dur=2');
  response.end(JSON.stringify({ predictions: [{ label }] }));
}

async function listen(handler: RequestListener): Promise<string> {
  const server = createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Load {
  readonly rate?: number;
  readonly seconds?: number;
  readonly connections?: number;
  readonly images?: readonly Image[];
}

/** 20 requests, unless told otherwise. */
async function load(url: string, given: Load = {}, watch?: Watch): Promise<Run> {
  const { rate = 100, seconds = 0.2, connections = 4, images = IMAGES } = given;
  const requests = { images: '', upload: 'raw', headers: { 'x-api-key': 'k' }, timeoutSeconds: 1 } as const;
  const pace = new ArrivalPace([{ fromRate: rate, toRate: rate, seconds }]);
  return fire(targetOf(url, requests, images), pace, connections, watch);
}

const failuresOf = ({ samples }: Run): string[] => samples.flatMap(({ failure }) => failure ?? []);
const wrongOf = ({ samples }: Run): unknown[] => samples.flatMap(({ wrong }) => wrong ?? []);

describe('a run', () => {
  it('posts every request that is due, with all images, and reads the answers', async () => {
    const seen: string[] = [];
    const url = await listen(async (request, response) => {
      const label = await textOf(request);
      seen.push(`${request.method} ${request.url} ${request.headers['x-api-key']} ${label}`);
      predict(response, label);
    });
    const run = await load(`${url}/prefix`);
    expect(run.samples.length + run.dropped).toBe(20);
    expect(seen).toHaveLength(run.samples.length);
    expect(new Set(seen)).toEqual(new Set(IMAGES.map(({ label }) => `POST /prefix/predict k ${label}`)));
    expect(failuresOf(run)).toEqual([]);
    expect(wrongOf(run)).toEqual([]);
    for (const { latencyMs, stages } of run.samples) {
      expect(latencyMs).toBeGreaterThan(0);
      expect(stages).toEqual({ decode: 1.5, inference: 2 });
    }
  });

  it('says which answers were wrong', async () => {
    const url = await listen(async (request, response) => {
      const label = await textOf(request);
      predict(response, label === 'cow' ? 'horse' : label);
    });
    const wrong = wrongOf(await load(url));
    expect(wrong.length).toBeGreaterThan(0);
    expect(new Set(wrong.map((each) => JSON.stringify(each)))).toEqual(
      new Set([JSON.stringify({ image: 'cow.png', expected: 'cow', answered: 'horse' })]),
    );
  });

  it('holds a server to its first answer where nobody has said what is right', async () => {
    let answers = 0;
    const url = await listen(async (request, response) => {
      await textOf(request);
      predict(response, answers++ === 0 ? 'first' : 'later');
    });
    const [image] = IMAGES;
    if (image === undefined) throw new Error('no image');
    const run = await load(url, { connections: 1, images: [{ ...image, label: undefined }] });
    expect(wrongOf(run)).toHaveLength(run.samples.length - 1);
  });

  it('counts errors by what they were, and not their latency', async () => {
    const url = await listen(async (request, response) => {
      await textOf(request);
      response.writeHead(429).end('{"code":"OVERLOADED"}');
    });
    const run = await load(url);
    expect(new Set(failuresOf(run))).toEqual(new Set(['429 OVERLOADED']));
    expect(failuresOf(run)).toHaveLength(run.samples.length);
  });

  it('counts what gets no answer, and gives the next answer to the right image', async () => {
    let requests = 0;
    const url = await listen(async (request, response) => {
      const label = await textOf(request);
      // In turn: nothing at all, half an answer, an answer.
      requests++;
      if (requests % 3 === 0) response.socket?.destroy();
      else if (requests % 3 === 1) {
        response.writeHead(200, { 'content-length': 1000 }).write('{"predictions":[{"label":"');
        setImmediate(() => response.socket?.end());
      } else predict(response, label);
    });
    const run = await load(url, { seconds: 0.3 });
    expect(failuresOf(run).length).toBeGreaterThan(0);
    expect(failuresOf(run).length).toBeLessThan(run.samples.length);
    expect(failuresOf(run)).not.toContain('timeout');
    expect(wrongOf(run)).toEqual([]);
  });

  it('counts a timeout as one', async () => {
    const url = await listen(() => {});
    const run = await load(url, { rate: 10, seconds: 0.1 });
    expect(failuresOf(run)).toEqual(['timeout']);
  });

  it('counts every request as failed where nobody listens any more', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    const run = await load(`http://127.0.0.1:${port}`);
    expect(run.samples.length + run.dropped).toBe(20);
    expect(new Set(failuresOf(run))).toEqual(new Set(['ECONNREFUSED']));
  });

  it('drops what is due while every connection is busy', async () => {
    const url = await listen(async (request, response) => {
      const label = await textOf(request);
      await sleep(400);
      predict(response, label);
    });
    const run = await load(url, { connections: 2 });
    expect(run.dropped).toBeGreaterThan(0);
    expect(run.samples.length + run.dropped).toBe(20);
  });

  it('measures from when a request was due', async () => {
    const url = await listen(async (request, response) => predict(response, await textOf(request)));
    const { samples } = await load(url);
    for (const { latencyMs, lateMs } of samples) expect(latencyMs).toBeGreaterThanOrEqual(lateMs);
  });

  it('ends early where too many fail', async () => {
    const url = await listen((_, response) => response.writeHead(500).end());
    const abort = { ...readThresholds(), abort_after_seconds: 0.05 };
    const run = await load(url, { seconds: 60 }, { abort });
    expect(run.aborted).toBe(true);
    expect(run.samples.length).toBeLessThan(1000);
  });

  it('without a pace of its own sends as soon as it was answered', async () => {
    let inFlight = 0;
    let most = 0;
    const url = await listen(async (request, response) => {
      most = Math.max(most, ++inFlight);
      predict(response, await textOf(request));
      inFlight--;
    });
    const requests = { images: '', upload: 'raw', headers: {}, timeoutSeconds: 1 } as const;
    const run = await fire(targetOf(url, requests, IMAGES), new ClosedPace(0.2), 3);
    expect(run.samples.length).toBeGreaterThan(3);
    expect(most).toBeLessThanOrEqual(3);
    expect(failuresOf(run)).toEqual([]);
    expect(wrongOf(run)).toEqual([]);
  });
});
