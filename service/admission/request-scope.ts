import { setMaxListeners } from 'node:events';
import { ServiceError } from '../errors.js';
import type { Traffic } from '../fairness/traffic.js';
import type { BodyBytes } from './admission.js';
import { BodyPace, type PaceLimits } from './body-pace.js';

export interface ScopeOptions {
  readonly traffic: Traffic;
  /** From now to the deadline, milliseconds. */
  readonly budgetMs: number;
  readonly body: BodyBytes;
  readonly pace: PaceLimits;
}

/** How long a request may take, whether anyone still waits for it, and what its body takes: one signal for all stages. */
export class RequestScope {
  readonly traffic: Traffic;
  /** On the clock of `performance.now()`. */
  readonly deadlineAt: number;
  readonly #controller = new AbortController();
  readonly #body: BodyBytes;
  readonly #pace: BodyPace;
  readonly #timer: NodeJS.Timeout;

  constructor({ traffic, budgetMs, body, pace }: ScopeOptions) {
    this.traffic = traffic;
    this.deadlineAt = performance.now() + budgetMs;
    this.#body = body;
    this.#pace = new BodyPace(pace, () => this.giveUp(tooSlow(pace.bytesPerSecond)));
    this.#timer = setTimeout(() => this.giveUp(tooLate(budgetMs)), budgetMs);
    setMaxListeners(0, this.signal);
  }

  /** Aborts with DEADLINE_EXCEEDED, REQUEST_TIMEOUT (the body is too slow), CLIENT_CLOSED_REQUEST, or what giveUp is told. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Milliseconds until the deadline. */
  get budgetMs(): number {
    return this.deadlineAt - performance.now();
  }

  /** A piece of the body has arrived. Throws OVERLOADED where all bodies together take too much memory. */
  received(bytes: number): void {
    this.#pace.received(bytes);
    this.#body.keep(bytes);
  }

  /** More than the body is kept for this request. Throws OVERLOADED likewise. */
  keep(bytes: number): void {
    this.#body.keep(bytes);
  }

  /** The body is complete: from here on it is ours to be quick. */
  bodyArrived(): void {
    this.#pace.end();
  }

  /** Nothing of the body is needed any more. */
  releaseBody(): void {
    this.#pace.end();
    this.#body.release();
  }

  /** Whoever still works for the request is to stop, for this reason. */
  giveUp(reason: unknown): void {
    this.#controller.abort(reason);
  }

  /** The request is over. @param clientLeft before it had its whole answer */
  end(clientLeft: boolean): void {
    clearTimeout(this.#timer);
    this.releaseBody();
    if (clientLeft)
      this.giveUp(new ServiceError('CLIENT_CLOSED_REQUEST', 'The client has closed the connection.'));
  }
}

function tooSlow(bytesPerSecond: number): ServiceError {
  const detail = `The body arrives too slowly; at least ${bytesPerSecond} bytes a second are expected.`;
  return new ServiceError('REQUEST_TIMEOUT', detail);
}

function tooLate(budgetMs: number): ServiceError {
  return new ServiceError('DEADLINE_EXCEEDED', `No answer was ready within ${budgetMs} ms.`);
}
