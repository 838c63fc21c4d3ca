/** The catalogue of everything that can go wrong for a request. Codes are API; texts are not. */
export const REQUEST_ERROR_CODES = [
  'REQUEST_INVALID',
  'IMAGE_MISSING',
  'UNAUTHORIZED',
  'NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'NOT_ACCEPTABLE',
  'REQUEST_TIMEOUT',
  'IMAGE_TOO_LARGE',
  'IMAGE_DIMENSIONS_EXCEEDED',
  'BATCH_TOO_LARGE',
  'ANSWER_TOO_LARGE',
  'IMAGE_TYPE_UNSUPPORTED',
  'EXPECTATION_FAILED',
  'IMAGE_UNDECODABLE',
  'OVERLOADED',
  'RATE_LIMITED',
  'NOT_READY',
  'SHUTTING_DOWN',
  'WORKER_LOST',
  'RESTART_NEEDED',
  'STORAGE_UNAVAILABLE',
  'DEADLINE_EXCEEDED',
  'CLIENT_CLOSED_REQUEST',
  'INFERENCE_FAILED',
  'INTERNAL',
] as const;
export type RequestErrorCode = (typeof REQUEST_ERROR_CODES)[number];

/** What can go wrong before the service takes traffic; each ends the process with one clear line. */
export const STARTUP_ERROR_CODES = [
  'CONFIG_INVALID',
  'MODEL_NOT_FOUND',
  'MODEL_UNAVAILABLE',
  'MODEL_DIGEST_MISMATCH',
  'MODEL_INCOMPATIBLE',
  'MODEL_GOLDEN_MISMATCH',
] as const;
export type StartupErrorCode = (typeof STARTUP_ERROR_CODES)[number];

export type ErrorCode = RequestErrorCode | StartupErrorCode;

export interface ServiceErrorOptions {
  /** What really happened; logged, never sent. */
  readonly cause?: unknown;
  /** When the caller may try again, in seconds. */
  readonly retryAfterSeconds?: number;
}

/** Thrown for each request of a flood, always from the same place: where that is costs a tenth of a refusal to find out. */
const WITHOUT_STACK: ReadonlySet<ErrorCode> = new Set([
  'OVERLOADED',
  'RATE_LIMITED',
  'UNAUTHORIZED',
  'NOT_READY',
]);

/** A fault with a code of the catalogue and a sentence that is safe to show to the caller. */
export class ServiceError<Code extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'ServiceError';
  readonly code: Code;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: Code, detail: string, options: ServiceErrorOptions = {}) {
    const { stackTraceLimit } = Error;
    if (WITHOUT_STACK.has(code)) Error.stackTraceLimit = 0;
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
