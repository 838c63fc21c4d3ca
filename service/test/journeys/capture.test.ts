import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { App } from '../../app.js';
import { startApp } from '../support/app.js';
import { type CapturePlace, captureBucket, captureFolder } from '../support/capture-places.js';
import { multipart, plainJpeg, plainPng } from '../support/images.js';
import { parseMetrics } from '../support/metrics.js';
import { meanColourModel, writeModelFolder } from '../support/models.js';

const WAITING = { timeout: 10_000, interval: 10 };
const REDDISH = { r: 200, g: 100, b: 50 };
/** The tests might run at midnight, the service at its own. */
const DAY = /^mean-colour\/1\.0\.0\/\d{4}-\d\d-\d\d\//;

let png: Buffer;
beforeAll(async () => {
  png = await plainPng(REDDISH);
});

async function startFor(place: CapturePlace, environment: Record<string, string> = {}): Promise<App> {
  const MODEL_URI = await writeModelFolder(meanColourModel());
  return startApp({ MODEL_URI, CAPTURE_SHARE: '1', ...place.environment, ...environment });
}

async function predict(app: App, id: string, payload: Buffer = png) {
  const headers = { 'x-request-id': id, 'content-type': 'image/png' };
  const response = await app.server.inject({ method: 'POST', url: '/predict', payload, headers });
  expect([response.statusCode, response.json().request_id], response.body).toEqual([200, id]);
  return response.json();
}

async function tell(app: App, document: object) {
  const response = await app.server.inject({ method: 'POST', url: '/feedback', payload: document });
  return { status: response.statusCode, body: response.json() };
}

/** Names without their day. */
async function names(place: CapturePlace): Promise<string[]> {
  return (await place.names()).map((name) => name.replace(DAY, ''));
}

async function untilThere(place: CapturePlace, wanted: readonly string[]): Promise<void> {
  await vi.waitFor(async () => expect(await names(place)).toEqual([...wanted].sort()), WAITING);
}

async function read(place: CapturePlace, name: string): Promise<Buffer> {
  const path = (await place.names()).find((each) => each.replace(DAY, '') === name);
  return place.read(path ?? expect.fail(`there is no ${name}`));
}

async function counted(app: App, name: string): Promise<number> {
  return parseMetrics((await app.server.inject('/metrics')).body).get(name) ?? 0;
}

describe.each([
  ['a folder', captureFolder],
  ['a bucket', captureBucket],
])('captures in %s', (_, makePlace) => {
  it('are the image as it came, byte for byte, and beside it what was answered', async () => {
    const place = await makePlace();
    const app = await startFor(place);
    // The thread that runs the model takes it for good.
    const jpeg = await plainJpeg(REDDISH, 16, 16, 85);
    const ofPng = await predict(app, 'one');
    await predict(app, 'two', Buffer.from(jpeg));
    await untilThere(place, ['one.png', 'one.json', 'two.jpg', 'two.json']);
    expect((await read(place, 'one.png')).equals(png)).toBe(true);
    expect((await read(place, 'two.jpg')).equals(jpeg)).toBe(true);
    expect(JSON.parse(String(await read(place, 'one.json')))).toEqual({
      request_id: 'one',
      index: 0,
      model: ofPng.model,
      captured_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      image: { width: 8, height: 8, format: 'png' },
      answer: { predictions: ofPng.predictions },
      statistics: expect.objectContaining({ size: 8, aspect: 1, contrast: 0 }),
      why: 'sampled',
    });
    expect(await counted(app, 'cv_capture_images_total{why="sampled"}')).toBe(2);
  });

  it('of a batch are told apart by their position, and what could not be answered is not kept', async () => {
    const place = await makePlace();
    const app = await startFor(place);
    const form = multipart([png, Buffer.from('no image'), png].map((bytes) => ({ field: 'files', bytes })));
    const headers = { ...form.headers, 'x-request-id': 'many' };
    await app.server.inject({ method: 'POST', url: '/predict/batch', payload: form.payload, headers });
    await untilThere(place, ['many-0.json', 'many-0.png', 'many-2.json', 'many-2.png']);
    expect(JSON.parse(String(await read(place, 'many-2.json')))).toMatchObject({
      request_id: 'many',
      index: 2,
    });
  });

  it('stay where they belong, and apart from each other, whatever ids their requests give themselves', async () => {
    const place = await makePlace();
    const app = await startFor(place);
    const ids = ['../../../up', '/etc/passwd', '..', '.', 'a/b', 'x.feedback', 'many-0', 'e='.repeat(64)];
    for (const id of ids) await predict(app, id);
    await vi.waitFor(async () => expect(await place.names()).toHaveLength(2 * ids.length), WAITING);
    const all = await place.names();
    expect(all.filter((name) => !/^mean-colour\/1\.0\.0\/[\d-]{10}\/[^/]{1,250}$/.test(name))).toEqual([]);
    const records = all.filter((name) => name.endsWith('.json'));
    const kept = await Promise.all(records.map(async (name) => JSON.parse(String(await place.read(name)))));
    expect(kept.map(({ request_id }) => request_id).sort()).toEqual([...ids].sort());
  });

  it('come with feedback, which counts once and says whether the answer was right', async () => {
    const place = await makePlace();
    const app = await startFor(place);
    await predict(app, 'right');
    await predict(app, 'wrong');
    await untilThere(place, ['right.json', 'right.png', 'wrong.json', 'wrong.png']);
    for (const _ of [1, 2]) {
      expect(await tell(app, { request_id: 'right', label: 'red' })).toEqual({
        status: 200,
        body: { request_id: 'right', verdict: 'correct' },
      });
    }
    expect((await tell(app, { request_id: 'wrong', label: 'blue' })).body.verdict).toBe('wrong');
    expect((await tell(app, { request_id: 'never-seen', label: 'blue' })).body.verdict).toBe('unknown');
    expect(JSON.parse(String(await read(place, 'wrong.feedback.json')))).toEqual({
      request_id: 'wrong',
      index: 0,
      label: 'blue',
      given_at: expect.stringMatching(/Z$/),
    });
    expect(await names(place)).toContain('never-seen.feedback.json');
    for (const verdict of ['correct', 'wrong', 'unknown'])
      expect(await counted(app, `cv_feedback_total{verdict="${verdict}"}`)).toBe(1);
  });

  it('of one pod are found by another, which judges by them what chance has taken alone', async () => {
    const place = await makePlace();
    const one = await startFor(place);
    const uncertain = { CAPTURE_SHARE: '0', CAPTURE_UNCERTAIN_BELOW: '1' };
    const other = await startFor(place, uncertain);
    await predict(one, 'sampled');
    await predict(other, 'uncertain');
    await untilThere(place, ['sampled.json', 'sampled.png', 'uncertain.json', 'uncertain.png']);
    expect((await tell(other, { request_id: 'sampled', label: 'red' })).body.verdict).toBe('correct');
    expect((await tell(one, { request_id: 'uncertain', label: 'red' })).body.verdict).toBe('unknown');
    expect((await tell(other, { request_id: 'uncertain', label: 'red' })).body.verdict).toBe('correct');
    // Told to both, and counted by the first of them.
    expect((await tell(one, { request_id: 'sampled', label: 'red' })).body.verdict).toBe('correct');
    expect(await counted(one, 'cv_feedback_total{verdict="correct"}')).toBe(0);
    expect(await counted(other, 'cv_feedback_total{verdict="correct"}')).toBe(1);
  });
});

describe('POST /feedback', () => {
  it('is there where answers are kept alone', async () => {
    const app = await startApp({ MODEL_URI: await writeModelFolder(meanColourModel()) });
    const { status, body } = await tell(app, { request_id: 'a', label: 'red' });
    expect([status, body.code]).toEqual([404, 'NOT_FOUND']);
  });

  it('refuses what is none', async () => {
    const app = await startFor(await captureFolder());
    const none: [string, unknown][] = [
      ['no JSON', 'rubbish'],
      ['nothing', {}],
      ['no verdict', { request_id: 'a' }],
      ['two kinds of truth', { request_id: 'a', label: 'red', objects: [] }],
      ['an id that no request can have', { request_id: 'a b', label: 'red' }],
      ['a label that the model does not have', { request_id: 'a', label: 'purple' }],
      ['an object without a box', { request_id: 'a', objects: [{ label: 'red' }] }],
      ['what nobody knows', { request_id: 'a', label: 'red', rating: 5 }],
      ['more than it may have', { request_id: 'a', label: 'red'.repeat(200_000) }],
    ];
    for (const [what, document] of none) {
      const { status, body } = await tell(app, document as object);
      expect([status, body.code], `${what}: ${JSON.stringify(body)}`).toEqual([400, 'REQUEST_INVALID']);
    }
  });

  it('asks for a key where the API does, and is limited with the rest of it', async () => {
    const app = await startFor(await captureFolder(), { API_KEYS: 'key', RATE_LIMIT_PER_MINUTE: '2' });
    const payload = { request_id: 'a', label: 'red' };
    const refused = await app.server.inject({ method: 'POST', url: '/feedback', payload });
    expect(refused.json().code).toBe('UNAUTHORIZED');
    const headers = { 'x-api-key': 'key' };
    const codes = [];
    for (const _ of [1, 2, 3])
      codes.push(
        (await app.server.inject({ method: 'POST', url: '/feedback', payload, headers })).statusCode,
      );
    expect(codes).toEqual([200, 200, 429]);
  });

  it('finds an image of a batch by its position', async () => {
    const app = await startFor(await captureFolder());
    const images = [await plainPng({ r: 0, g: 200, b: 0 }), png].map((image) => image.toString('base64'));
    const headers = { 'x-request-id': 'many' };
    await app.server.inject({ method: 'POST', url: '/predict/batch', payload: { images }, headers });
    const right = { request_id: 'many', image: 0, label: 'green' };
    expect(await tell(app, right)).toEqual({
      status: 200,
      body: { request_id: 'many', image: 0, verdict: 'correct' },
    });
    expect((await tell(app, { ...right, image: 1 })).body.verdict).toBe('wrong');
    expect((await tell(app, { request_id: 'many', label: 'green' })).body.verdict).toBe('unknown');
  });
});
