import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type PlannedRequest, type RequestRecord, sendUntilAnswered } from './honest-client.js';
import { FORMS, type Form } from './honest-request.js';
import type { KnownImage } from './known-images.js';

const SINGLE = FORMS.find(({ isBatch }) => !isBatch) as Form;
const BATCH = FORMS.find(({ isBatch }) => isBatch) as Form;

function known(label: string, width: number): KnownImage {
  const image = { width, height: 10, format: 'png' };
  const bytes = Buffer.from(label);
  return { name: label, bytes, contentType: 'image/png', label, score: 0.9, tolerance: 0.02, image };
}

const [SEVEN, EIGHT] = [known('7', 70), known('8', 80)];

function result({ image, label, score }: KnownImage, changes: object = {}): object {
  return { image, predictions: [{ label, score }], ...changes };
}

/** What a client makes of a service that answers so. */
async function recorded(
  listener: RequestListener,
  planned: Partial<PlannedRequest> = {},
): Promise<RequestRecord> {
  const server = createServer((request, response) => {
    request.resume().once('end', () => listener(request, response));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close().closeAllConnections());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return sendUntilAnswered(
    url,
    { id: 'mine', form: SINGLE, images: [SEVEN], agent: undefined, ...planned },
    () => 0,
  );
}

function answers(body: object, id = 'mine'): RequestListener {
  return (_, response) => {
    response.setHeader('x-request-id', id).end(JSON.stringify({ request_id: id, ...body }));
  };
}

const results = (...items: object[]): object => ({
  results: items.map((item, index) => ({ index, ...item })),
});

describe('an honest client', () => {
  it('sends its own id, and takes the right answer', async () => {
    let asked: string | undefined;
    const done = await recorded((request, response) => {
      asked = request.headers['x-request-id'] as string;
      answers(result(SEVEN))(request, response);
    });
    expect(asked).toBe('mine');
    expect(done).toMatchObject({ outcome: 'ok', refusals: 0 });
  });

  it('takes the right answers of a batch', async () => {
    const planned = { form: BATCH, images: [SEVEN, EIGHT] };
    expect(await recorded(answers(results(result(SEVEN), result(EIGHT))), planned)).toMatchObject({
      outcome: 'ok',
    });
  });

  it.each<[string, object, string?]>([
    ['another label', result(SEVEN, { predictions: [{ label: '1', score: 0.9 }] })],
    ['another score', result(SEVEN, { predictions: [{ label: '7', score: 0.8 }] })],
    ['no prediction', result(SEVEN, { predictions: [] })],
    ['another image of the same label', result(SEVEN, { image: { width: 71, height: 10, format: 'png' } })],
    ["another client's answer", result(SEVEN), 'yours'],
    ['nothing of what was asked', {}],
  ])('sees that it got %s', async (_, body, id) => {
    expect(await recorded(answers(body, id))).toMatchObject({ outcome: 'wrong' });
  });

  it.each<[string, object]>([
    ['in another order', results(result(EIGHT), result(SEVEN))],
    ['with one missing', results(result(SEVEN))],
    ['with an error in it', results(result(SEVEN), { error: { code: 'IMAGE_UNDECODABLE' } })],
  ])('sees that a batch came %s', async (_, body) => {
    const planned = { form: BATCH, images: [SEVEN, EIGHT] };
    expect(await recorded(answers(body), planned)).toMatchObject({ outcome: 'wrong' });
  });

  it.each<[string, RequestListener, string]>([
    [
      '504',
      (_, response) => response.writeHead(504).end('{"code":"DEADLINE_EXCEEDED"}'),
      '504 DEADLINE_EXCEEDED',
    ],
    ['500', (_, response) => response.writeHead(500).end(), '500'],
    ['503 without Retry-After', (_, response) => response.writeHead(503).end(), '503'],
    ['a reset', (request) => request.socket.resetAndDestroy(), 'ECONNRESET'],
    [
      'half an answer',
      (_, response) =>
        void response.writeHead(200, { 'content-length': 9 }).write('{', () => response.destroy()),
      'ECONNRESET',
    ],
  ])('counts %s as a lost request', async (_, listener, detail) => {
    expect(await recorded(listener)).toMatchObject({ outcome: 'lost', detail });
  });

  it('comes back when it was refused, and counts that', async () => {
    let asked = 0;
    const done = await recorded((request, response) => {
      asked += 1;
      if (asked > 3) return answers(result(SEVEN))(request, response);
      response.writeHead(asked % 2 === 0 ? 503 : 429, { 'retry-after': '0.001' }).end();
    });
    expect(done).toMatchObject({ outcome: 'ok', refusals: 3 });
    expect(done.wholeMs).toBeGreaterThan(done.answerMs);
  });

  it('is lost when it is refused for ever', async () => {
    const done = await recorded((_, response) => response.writeHead(429, { 'retry-after': '0.001' }).end());
    expect(done).toMatchObject({ outcome: 'lost', refusals: 8 });
  });
});
