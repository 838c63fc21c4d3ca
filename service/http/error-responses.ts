import { STATUS_CODES } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { REQUEST_ERROR_CODES, type RequestErrorCode, ServiceError } from '../errors.js';
import type { Problem } from './schemas.js';

/** The only place where a code becomes a status. */
export const STATUS_OF_CODE: Readonly<Record<RequestErrorCode, number>> = {
  REQUEST_INVALID: 400,
  IMAGE_MISSING: 400,
  UNAUTHORIZED: 401,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  NOT_ACCEPTABLE: 406,
  REQUEST_TIMEOUT: 408,
  IMAGE_TOO_LARGE: 413,
  IMAGE_DIMENSIONS_EXCEEDED: 413,
  BATCH_TOO_LARGE: 413,
  ANSWER_TOO_LARGE: 413,
  IMAGE_TYPE_UNSUPPORTED: 415,
  EXPECTATION_FAILED: 417,
  IMAGE_UNDECODABLE: 422,
  OVERLOADED: 429,
  RATE_LIMITED: 429,
  NOT_READY: 503,
  SHUTTING_DOWN: 503,
  WORKER_LOST: 503,
  RESTART_NEEDED: 503,
  STORAGE_UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
  // Never seen by anyone: the client has gone. 499 is nginx's status for it.
  CLIENT_CLOSED_REQUEST: 499,
  INFERENCE_FAILED: 500,
  INTERNAL: 500,
};

/** What is worth trying again, and so always carries Retry-After. */
const RETRYABLE: ReadonlySet<RequestErrorCode> = new Set([
  'OVERLOADED',
  'RATE_LIMITED',
  'NOT_READY',
  'SHUTTING_DOWN',
  'WORKER_LOST',
  'RESTART_NEEDED',
  'STORAGE_UNAVAILABLE',
]);
const DEFAULT_RETRY_AFTER_SECONDS = 1;

const TITLES: Readonly<Partial<Record<RequestErrorCode, string>>> = {
  CLIENT_CLOSED_REQUEST: 'Client Closed Request',
};

export interface ErrorAnswer {
  readonly code: RequestErrorCode;
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly retryAfterSeconds: number | undefined;
}

/** What the caller may know of anything that was thrown. */
export function answerFor(thrown: unknown): ErrorAnswer {
  const error = toServiceError(thrown);
  const status = STATUS_OF_CODE[error.code];
  return {
    code: error.code,
    status,
    title: TITLES[error.code] ?? STATUS_CODES[status] ?? 'Error',
    detail: error.message,
    retryAfterSeconds: RETRYABLE.has(error.code)
      ? (error.retryAfterSeconds ?? DEFAULT_RETRY_AFTER_SECONDS)
      : undefined,
  };
}

function toServiceError(thrown: unknown): ServiceError<RequestErrorCode> {
  if (thrown instanceof ServiceError && isRequestCode(thrown.code))
    return thrown as ServiceError<RequestErrorCode>;
  return (
    frameworkError(thrown) ??
    new ServiceError('INTERNAL', 'Something went wrong here. The log has the details.')
  );
}

function isRequestCode(code: string): code is RequestErrorCode {
  return (REQUEST_ERROR_CODES as readonly string[]).includes(code);
}

interface FrameworkError {
  readonly statusCode?: number;
  readonly message?: string;
  readonly validation?: unknown;
}

/** Fastify's own refusals (query, headers, URL, size) are the caller's fault and say so well. */
function frameworkError(thrown: unknown): ServiceError<RequestErrorCode> | undefined {
  const { statusCode, message = '', validation } = (thrown ?? {}) as FrameworkError;
  if (validation !== undefined) return new ServiceError('REQUEST_INVALID', sentence(message));
  if (statusCode === 413) return new ServiceError('IMAGE_TOO_LARGE', sentence(message));
  if (statusCode === 415) return new ServiceError('IMAGE_TYPE_UNSUPPORTED', sentence(message));
  if (statusCode === 408) return new ServiceError('REQUEST_TIMEOUT', sentence(message));
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new ServiceError('REQUEST_INVALID', sentence(message));
  }
  return undefined;
}

function sentence(text: string): string {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}

export function problemOf(answer: ErrorAnswer, requestId: string): Problem {
  const { code, status, title, detail } = answer;
  return { type: `urn:cv-inference:error:${code}`, title, status, detail, code, request_id: requestId };
}

/** Sends anything thrown as problem details. */
export function sendError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const answer = answerFor(thrown);
  request.record.failure = { code: answer.code, thrown };
  if (answer.retryAfterSeconds !== undefined) reply.header('retry-after', answer.retryAfterSeconds);
  if (answer.code === 'UNAUTHORIZED') reply.header('www-authenticate', 'Bearer');
  const body = JSON.stringify(problemOf(answer, request.id));
  return reply.code(answer.status).type('application/problem+json').serializer(String).send(body);
}
