import { ServiceError } from '../../errors.js';

/**
 * missing: it is not there. denied: it may or may not be there, these credentials cannot tell.
 * transient: another attempt may succeed. permanent: it will not, until someone changes something.
 */
export type FailureKind = 'missing' | 'denied' | 'transient' | 'permanent';

export interface SourceFailureOptions {
  readonly cause?: unknown;
  /** Seconds that the far side asked to be left alone. */
  readonly retryAfterSeconds?: number | undefined;
  /** Whether what is missing is the bucket that everything else would be in. */
  readonly isBucket?: boolean;
}

/** Why a source did not give an object: MODEL_NOT_FOUND when it is missing, else MODEL_UNAVAILABLE. */
export class SourceFailure extends ServiceError<'MODEL_NOT_FOUND' | 'MODEL_UNAVAILABLE'> {
  readonly kind: FailureKind;
  readonly isBucket: boolean;

  constructor(kind: FailureKind, detail: string, options: SourceFailureOptions = {}) {
    const { cause, retryAfterSeconds, isBucket = false } = options;
    super(kind === 'missing' ? 'MODEL_NOT_FOUND' : 'MODEL_UNAVAILABLE', detail, {
      ...(cause === undefined ? {} : { cause }),
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    });
    this.kind = kind;
    this.isBucket = isBucket;
  }
}

/** Whether something that may be left out is simply not there for us. */
export function isAbsence(thrown: unknown): thrown is SourceFailure {
  return thrown instanceof SourceFailure && (thrown.kind === 'missing' || thrown.kind === 'denied');
}
