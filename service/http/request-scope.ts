import { setMaxListeners } from 'node:events';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ServiceError } from '../errors.js';
import type { BodyCount } from './admission.js';

/** How long a request may take and whether anyone still waits for it: one signal for all stages. */
export interface RequestScope {
  /** Aborts with DEADLINE_EXCEEDED or CLIENT_CLOSED_REQUEST. */
  readonly signal: AbortSignal;
  /** On the clock of `performance.now()`. */
  readonly deadlineAt: number;
  /** Counts a piece of the body until the end. Throws OVERLOADED where all bodies together take too much memory. */
  readonly takeIn: BodyCount['takeIn'];
  /** Calls back, once, when the request has ended, however it did; at once where it has already. */
  onEnd(callback: () => void): void;
}

/** How long a request may take, milliseconds: the server's own deadline, which the client's header can only lower. */
export function requestBudgetMs(request: FastifyRequest, timeoutMs: number): number {
  return Math.min(timeoutMs, clientTimeoutMs(request) ?? timeoutMs);
}

/** Opens the scope of a request that was let in. */
export function openScope(reply: FastifyReply, budgetMs: number, body: BodyCount): RequestScope {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  const callbacks = [body.letOut];
  let hasEnded = false;
  const timer = setTimeout(() => {
    controller.abort(new ServiceError('DEADLINE_EXCEEDED', `No answer was ready within ${budgetMs} ms.`));
  }, budgetMs);
  reply.raw.once('close', () => {
    clearTimeout(timer);
    hasEnded = true;
    for (const callback of callbacks) callback();
    if (!reply.raw.writableFinished) {
      controller.abort(new ServiceError('CLIENT_CLOSED_REQUEST', 'The client has closed the connection.'));
    }
  });
  return {
    signal: controller.signal,
    deadlineAt: performance.now() + budgetMs,
    takeIn: body.takeIn,
    onEnd: (callback) => (hasEnded ? callback() : void callbacks.push(callback)),
  };
}

function clientTimeoutMs(request: FastifyRequest): number | undefined {
  const header = request.headers['x-request-timeout-ms'];
  if (header === undefined) return undefined;
  const value = Number(header);
  if (!Number.isInteger(value) || value < 1) {
    throw new ServiceError(
      'REQUEST_INVALID',
      'The header x-request-timeout-ms must be a whole number of milliseconds, at least 1.',
    );
  }
  return value;
}
