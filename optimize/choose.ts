import type { Interval } from '../loadtest/compare/bootstrap.js';
import type { Loss } from './loss.js';

/** What was measured of a candidate. */
export interface Trial {
  readonly name: string;
  readonly settings: Readonly<Record<string, unknown>>;
  /** Median of the rounds: how many times as fast as the original in the same round. */
  readonly speedup: number;
  /** Where that median lies with 95 % confidence. */
  readonly speedupInterval: Interval;
  /** Of one image in the engine, milliseconds. */
  readonly ms: number;
  readonly memoryBytes: number;
  readonly fileBytes: number;
  /** Undefined where it is not faster. */
  readonly loss: Loss | undefined;
  /** Golden images that it answers otherwise than the original. */
  readonly goldenChanged: readonly string[];
}

/** Why a candidate is not kept; undefined: it may be. */
export function fault({ speedupInterval, loss, goldenChanged }: Trial, maxLoss: number): string | undefined {
  if (speedupInterval.from <= 1 || loss === undefined) return 'not faster';
  if (goldenChanged.length > 0) return `answers ${goldenChanged.join(', ')} otherwise`;
  if (loss.to <= maxLoss) return undefined;
  return loss.from > maxLoss ? 'loses too much' : 'not shown to lose little enough';
}

/**
 * The fastest whose whole interval of loss is within what may be lost; of those whose speed cannot be told from its own,
 * the one that loses least.
 */
export function choose<Candidate extends Trial>(
  trials: readonly Candidate[],
  maxLoss: number,
): Candidate | undefined {
  const fit = trials.filter((trial) => fault(trial, maxLoss) === undefined);
  const [fastest] = fit.toSorted((one, other) => other.speedup - one.speedup);
  return fit
    .filter(({ speedup }) => speedup >= (fastest?.speedupInterval.from ?? 0))
    .toSorted((one, other) => (one.loss?.points ?? 0) - (other.loss?.points ?? 0))[0];
}
