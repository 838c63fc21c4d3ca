import { expect } from 'vitest';
import type { RequestErrorCode } from '../../errors.js';
import { STATUS_OF_CODE } from '../../http/error-responses.js';
import type { Colour } from './images.js';

/** An answer, however it was fetched. Header names in lower case. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** Codes that tell the caller when to come back. */
const WITH_RETRY_AFTER: ReadonlySet<RequestErrorCode> = new Set([
  'OVERLOADED',
  'RATE_LIMITED',
  'NOT_READY',
  'SHUTTING_DOWN',
  'WORKER_LOST',
  'RESTART_NEEDED',
  'STORAGE_UNAVAILABLE',
]);

export interface SendOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string | FormData;
}

/** Sends a request on a connection of its own, by `fetch`. */
export async function send(url: string, path: string, options: SendOptions = {}): Promise<Answer> {
  const { method, headers, body } = options;
  const response = await fetch(new URL(path, url), {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: { connection: 'close', ...headers },
    body: body instanceof Uint8Array ? new Uint8Array(body) : (body ?? null),
  });
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    text: await response.text(),
  };
}

/** Posts the bytes of an image to /predict. */
export function predict(
  url: string,
  image: Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return send(url, '/predict', { body: image, headers: { 'content-type': 'image/png', ...headers } });
}

/** Posts a JSON document. */
export function postJson(url: string, path: string, document: unknown): Promise<Answer> {
  return send(url, path, {
    body: typeof document === 'string' ? document : JSON.stringify(document),
    headers: { 'content-type': 'application/json' },
  });
}

/** The body of an answer that is JSON. */
export function json(answer: Answer): Record<string, unknown> {
  return JSON.parse(answer.text) as Record<string, unknown>;
}

/** Asserts that the answer is RFC 9457 problem details with this code, complete, and its status by the table. */
export function expectProblem(answer: Answer, code: RequestErrorCode): void {
  const status = STATUS_OF_CODE[code];
  expect(
    { status: answer.status, type: answer.headers['content-type'], body: json(answer) },
    answer.text,
  ).toEqual({
    status,
    type: expect.stringMatching(/^application\/problem\+json\b/),
    body: {
      type: `urn:cv-inference:error:${code}`,
      title: expect.stringMatching(/./),
      status,
      detail: expect.stringMatching(/./),
      code,
      request_id: answer.headers['x-request-id'] ?? expect.stringMatching(/./),
    },
  });
  const retryAfter = answer.headers['retry-after'];
  if (WITH_RETRY_AFTER.has(code)) expect(Number(retryAfter)).toBeGreaterThanOrEqual(1);
  else expect(retryAfter).toBeUndefined();
}

/** Asserts that a mean-colour model has answered, and for the image of this colour. */
export function expectColour(answer: Answer, { r, g, b }: Colour): void {
  expect(answer.status, answer.text).toBe(200);
  const { predictions } = json(answer) as { predictions: { class_id: number; score: number }[] };
  const levels = [0, 0, 0];
  for (const { class_id: id, score } of predictions) levels[id] = Math.round(score * 255);
  expect(levels).toEqual([r, g, b]);
}
