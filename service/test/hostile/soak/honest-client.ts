import type { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { faultOf } from './honest-answer.js';
import type { Form } from './honest-request.js';
import { type Received, send } from './http-client.js';
import type { KnownImage } from './known-images.js';

/** Beyond the deadline of the service, so that its 504 is seen as one. */
const PATIENCE_MS = 15_000;
/** Whoever is refused comes back so often, and never before Retry-After. Then the request counts as lost. */
const MOST_ATTEMPTS = 8;
/** A client that waits longer than this has given up. */
const MOST_WAIT_MS = 30_000;
/** Of the wait, so that those refused together do not come back together. */
const JITTER = 0.25;

/**
 * What became of one honest request. It is lost where it had no answer, an answer of another status than 200, or only
 * refusals; refusals are 429 and 503 with Retry-After.
 */
export interface RequestRecord {
  readonly outcome: 'ok' | 'wrong' | 'lost';
  /** Why it is not ok. */
  readonly detail?: string;
  readonly refusals: number;
  /** Of the attempt that was answered; what the service promises a deadline for. */
  readonly answerMs: number;
  /** From the first attempt on. */
  readonly wholeMs: number;
}

export interface PlannedRequest {
  readonly id: string;
  readonly form: Form;
  readonly images: readonly KnownImage[];
  readonly agent: Agent | undefined;
}

/** One request of a well-made client, with what it takes to have it answered. */
export async function sendUntilAnswered(
  url: string,
  planned: PlannedRequest,
  random: () => number,
): Promise<RequestRecord> {
  const startedAt = performance.now();
  for (let refusals = 0; ; refusals++) {
    const attemptAt = performance.now();
    const answer = await attempt(url, planned);
    const times = {
      refusals,
      answerMs: performance.now() - attemptAt,
      wholeMs: performance.now() - startedAt,
    };
    const waitMs = answer instanceof Error ? undefined : refusalMs(answer);
    if (answer instanceof Error) return { outcome: 'lost', detail: messageOf(answer), ...times };
    if (waitMs === undefined) return { ...judged(answer, planned), ...times };
    if (refusals + 1 === MOST_ATTEMPTS || waitMs > MOST_WAIT_MS) {
      return { outcome: 'lost', detail: `refused ${refusals + 1} times`, ...times, refusals: refusals + 1 };
    }
    await sleep(waitMs * (1 + JITTER * random()));
  }
}

async function attempt(url: string, { id, form, images, agent }: PlannedRequest): Promise<Received | Error> {
  const { path, headers, body } = form.make(images);
  const request = { path, headers: { ...headers, 'x-request-id': id }, ...(body !== undefined && { body }) };
  const options = { timeoutMs: PATIENCE_MS, ...(agent !== undefined && { agent }) };
  return send(url, request, options).catch((error: Error) => error);
}

/** How long it says to wait; undefined where it is no refusal. */
function refusalMs({ status, headers }: Received): number | undefined {
  const seconds = Number(headers['retry-after']);
  return (status === 429 || status === 503) && seconds > 0 ? seconds * 1000 : undefined;
}

function judged(
  answer: Received,
  { id, images, form }: PlannedRequest,
): Pick<RequestRecord, 'outcome' | 'detail'> {
  if (answer.status !== 200) {
    const code = /"code":"([A-Z_]+)"/.exec(answer.text)?.[1] ?? '';
    return { outcome: 'lost', detail: `${answer.status} ${code}`.trim() };
  }
  const fault = faultOf(answer, { id, images, isBatch: form.isBatch });
  return fault === undefined ? { outcome: 'ok' } : { outcome: 'wrong', detail: fault };
}

function messageOf(error: NodeJS.ErrnoException): string {
  return error.code ?? error.message;
}
