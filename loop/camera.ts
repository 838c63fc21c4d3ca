import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Picture } from './pictures.js';
import type { Point } from './prometheus.js';

/** A machine that trains as well answers late: that is no failure here. */
const REQUEST_TIMEOUT_MS = 60_000;
const MAX_IN_FLIGHT = 16;
const FEEDBACK_ATTEMPTS = 5;
const FEEDBACK_PAUSE_MS = 2000;

/** What a camera looks at, and who says afterwards what it was. */
export interface View {
  readonly pictures: readonly Picture[];
  /** The label that people give, of the right one and of how sure the service is of its answer. */
  readonly judge: (label: string, score: number) => string;
  /** Share of the answers that they do it for. */
  readonly judgedShare: number;
}

/** The service, or two of them while a new one proves itself. */
export interface Target {
  readonly url: string;
  /** Share of the pictures that it gets. */
  readonly share: number;
}

interface Answer {
  readonly predictions: readonly { readonly label: string; readonly score: number }[];
}

interface Answered {
  readonly at: number;
  readonly isRight: boolean;
  readonly url: string;
}

/** Sends pictures to the service at a steady pace, one after the other, and feedback on a part of the answers. */
export class Camera {
  readonly answered: Answered[] = [];
  /** What came back instead of an answer. */
  readonly failures: string[] = [];
  readonly #intervalMs: number;
  readonly #inFlight = new Set<Promise<void>>();
  #view: View;
  #targets: readonly Target[];
  #sent = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(perSecond: number, view: View, targets: readonly Target[]) {
    this.#intervalMs = 1000 / perSecond;
    this.#view = view;
    this.#targets = targets;
  }

  start(): void {
    const startedAt = Date.now();
    let due = 0;
    this.#timer = setInterval(() => {
      for (; due * this.#intervalMs < Date.now() - startedAt; due += 1) this.#send();
    }, this.#intervalMs);
  }

  /** From now on, from its first picture on; after the last it begins again. */
  look(view: View): void {
    this.#view = view;
    this.#sent = 0;
  }

  sendTo(targets: readonly Target[]): void {
    this.#targets = targets;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#inFlight);
  }

  /** Share of right answers between two times; of one service where it is named. NaN without any. */
  accuracy(from: number, to: number, url?: string): number {
    const within = this.#between(from, to, url);
    return within.filter(({ isRight }) => isRight).length / within.length;
  }

  count(from: number, to: number, url?: string): number {
    return this.#between(from, to, url).length;
  }

  /** Accuracy of each span of so many milliseconds, at its end. */
  accuracyOver(spanMs: number): Point[] {
    const [first, last] = [this.answered[0]?.at ?? 0, this.answered.at(-1)?.at ?? 0];
    const ends = Array.from(
      { length: Math.floor((last - first) / spanMs) },
      (_, n) => first + (n + 1) * spanMs,
    );
    return ends
      .map((at) => ({ at, value: this.accuracy(at - spanMs, at) }))
      .filter(({ value }) => Number.isFinite(value));
  }

  #between(from: number, to: number, url?: string): Answered[] {
    return this.answered.filter(
      (one) => one.at >= from && one.at < to && (url === undefined || one.url === url),
    );
  }

  #send(): void {
    if (this.#inFlight.size >= MAX_IN_FLIGHT) return;
    const { pictures } = this.#view;
    const picture = pictures[this.#sent % pictures.length];
    this.#sent += 1;
    if (picture === undefined) return;
    const sending = this.#show(picture, this.#view, this.#pick()).catch((error: unknown) => {
      this.failures.push(String(error));
    });
    this.#inFlight.add(sending);
    void sending.finally(() => this.#inFlight.delete(sending));
  }

  #pick(): string {
    let chance = Math.random();
    const found = this.#targets.find(({ share }) => {
      chance -= share;
      return chance < 0;
    });
    return (found ?? this.#targets.at(-1))?.url ?? '';
  }

  async #show({ data, label }: Picture, { judge, judgedShare }: View, url: string): Promise<void> {
    const id = randomUUID();
    const headers = { 'content-type': 'image/png', 'x-request-id': id };
    const answer = await post(`${url}/predict`, headers, data);
    const { predictions } = (await answer.json()) as Answer;
    const [first = { label: '', score: 0 }] = predictions;
    this.answered.push({ at: Date.now(), isRight: first.label === label, url });
    if (Math.random() >= judgedShare) return;
    const feedback = JSON.stringify({ request_id: id, label: judge(label, first.score) });
    await postUntilKept(`${url}/feedback`, feedback);
  }
}

/** As docs/capture.md has it: what could not be kept (503) is to be sent again. */
async function postUntilKept(url: string, feedback: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await send(url, { 'content-type': 'application/json' }, feedback);
    await answer.body?.cancel();
    if (answer.ok) return;
    if (answer.status !== 503 || attempt === FEEDBACK_ATTEMPTS)
      throw new Error(`/feedback answered ${answer.status}`);
    await pause(FEEDBACK_PAUSE_MS);
  }
}

async function post(
  url: string,
  headers: Record<string, string>,
  body: Uint8Array<ArrayBuffer>,
): Promise<Response> {
  const answer = await send(url, headers, body);
  if (!answer.ok) throw new Error(`${new URL(url).pathname} answered ${answer.status}`);
  return answer;
}

function send(
  url: string,
  headers: Record<string, string>,
  body: Uint8Array<ArrayBuffer> | string,
): Promise<Response> {
  return fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
}
