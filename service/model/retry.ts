import { setTimeout as sleep } from 'node:timers/promises';
import { SourceFailure } from './sources/source-failure.js';

/** Time and chance, so that tests need not wait for either. */
export interface Timing {
  /** Milliseconds from any fixed point, never going back. */
  nowMs(): number;
  /** 0 <= x < 1. */
  random(): number;
  /** Rejects as soon as the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const realTiming: Timing = {
  nowMs: () => performance.now(),
  random: Math.random,
  sleep: (ms, signal) => sleep(ms, undefined, { signal }),
};

export interface RetryPolicy {
  /** How often it is tried without progress; at least 1. */
  readonly attempts: number;
  readonly timing: Timing;
  readonly signal: AbortSignal;
  onRetry(failure: SourceFailure, attempt: number, delayMs: number): void;
  /** Asked after each failure: whether it came so far beyond all before it that it uses up no attempt. */
  hasProgressed?(): boolean;
}

const BASE_DELAY_MS = 500;
const MAX_DELAY_MS = 20_000;
const MAX_RETRY_AFTER_MS = 60_000;

/**
 * Milliseconds before the attempt after this one: doubling, with jitter so that pods that failed together
 * do not come back together, and never sooner than the far side asked (within a minute).
 * @param attempt the one that failed, from 1
 */
export function backoffMs(attempt: number, random: number, retryAfterSeconds = 0): number {
  const ceilingMs = Math.min(MAX_DELAY_MS, BASE_DELAY_MS * 2 ** (attempt - 1));
  const askedMs = Math.min(MAX_RETRY_AFTER_MS, retryAfterSeconds * 1000);
  return Math.max(askedMs, ceilingMs * (0.5 + random / 2));
}

function asFinal(failure: SourceFailure, tries: number): SourceFailure {
  if (tries === 1) return failure;
  return new SourceFailure(failure.kind, `${failure.message} (tried ${tries} times)`, { cause: failure });
}

/** Repeats what failed for a passing reason. Rejects with the last failure, or at once with any other. */
export async function withRetries<T>(run: () => Promise<T>, policy: RetryPolicy): Promise<T> {
  const { attempts, timing, signal } = policy;
  let spent = 0;
  for (let tries = 1; ; tries += 1) {
    try {
      return await run();
    } catch (thrown) {
      signal.throwIfAborted();
      if (!(thrown instanceof SourceFailure) || thrown.kind !== 'transient') throw thrown;
      spent = policy.hasProgressed?.() === true ? 0 : spent + 1;
      if (spent >= attempts) throw asFinal(thrown, tries);
      const delayMs = backoffMs(Math.max(1, spent), timing.random(), thrown.retryAfterSeconds);
      policy.onRetry(thrown, tries, delayMs);
      await timing.sleep(delayMs, signal).catch(() => signal.throwIfAborted());
    }
  }
}
