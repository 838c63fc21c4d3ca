import { describe, expect, it } from 'vitest';
import {
  type Dispatch,
  type Limits,
  prune,
  refusalByDispatches,
  refusalByTrainings,
  settle,
  type Training,
} from './decide.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NOW = Date.UTC(2026, 10, 22, 12);
const LIMITS: Limits = {
  deduplicationWindowMs: 24 * HOUR,
  cooldownMs: 6 * HOUR,
  dailyLimit: 3,
  maxFailedTrainings: 3,
  failedTrainingsPauseMs: 72 * HOUR,
};

const dispatchOf = (changes: Partial<Dispatch>): Dispatch => ({
  id: 'one',
  model: 'digits',
  group: 'a',
  at: NOW,
  delivery: 'accepted',
  ...changes,
});

const trainingOf = (changes: Partial<Training>): Training => ({
  model: 'digits',
  cause: 'one',
  event: 'repository_dispatch',
  isOver: true,
  conclusion: 'success',
  startedAt: NOW - HOUR,
  changedAt: NOW - HOUR,
  ...changes,
});

/** The newest first. */
const trainingsThat = (...conclusions: readonly string[]): Training[] =>
  conclusions.map((conclusion, hours) =>
    trainingOf({ conclusion, startedAt: NOW - (hours + 1) * HOUR, changedAt: NOW - (hours + 1) * HOUR }),
  );

describe('what was dispatched', () => {
  const refusal = (dispatches: readonly Dispatch[], request = { model: 'digits', group: 'a' }) =>
    refusalByDispatches(request, dispatches, LIMITS, NOW);

  it('forbids nothing where it is nothing', () => {
    expect(refusal([])).toBeUndefined();
  });

  it('forbids the same group another training of the model within the window, and no longer', () => {
    expect(refusal([dispatchOf({ at: NOW - 24 * HOUR + 1 })])).toBe('duplicate');
    expect(refusal([dispatchOf({ at: NOW - 24 * HOUR })])).toBeUndefined();
  });

  it('forbids any group another training of the model while that cools down', () => {
    expect(refusal([dispatchOf({ group: 'b', at: NOW - 6 * HOUR + 1 })])).toBe('cooldown');
    expect(refusal([dispatchOf({ group: 'b', at: NOW - 6 * HOUR })])).toBeUndefined();
  });

  it('leaves other models alone, even of the same group', () => {
    expect(refusal([dispatchOf({ model: 'digit-finder' })])).toBeUndefined();
  });

  it('forbids more than the daily limit, of all models together, in any 24 hours', () => {
    const of = (hours: number, model: string) => dispatchOf({ model, at: NOW - hours * HOUR });
    const three = [of(1, 'b'), of(2, 'c'), of(23, 'd')];
    expect(refusal(three)).toBe('daily_limit');
    expect(refusal([...three.slice(0, 2), of(24, 'd')])).toBeUndefined();
  });

  it('counts the same where it is not known to have arrived', () => {
    expect(refusal([dispatchOf({ delivery: 'unknown' })])).toBe('duplicate');
  });

  it('is forgotten when it can forbid nothing any more', () => {
    const dispatches = [dispatchOf({ at: NOW - 23 * HOUR }), dispatchOf({ at: NOW - 24 * HOUR })];
    expect(prune(dispatches, LIMITS, NOW)).toEqual(dispatches.slice(0, 1));
  });
});

describe('trainings', () => {
  const refusal = (trainings: readonly Training[], now = NOW) =>
    refusalByTrainings('digits', trainings, LIMITS, now);

  it('forbid another of their model while one is under way, whatever started it', () => {
    expect(refusal([trainingOf({ isOver: false, conclusion: '', event: 'schedule' })])).toBe('in_progress');
    expect(refusal([trainingOf({ isOver: false, conclusion: '', model: 'digit-finder' })])).toBeUndefined();
  });

  it('open the circuit when enough of them have failed one after the other', () => {
    expect(refusal(trainingsThat('failure', 'timed_out'))).toBeUndefined();
    expect(refusal(trainingsThat('failure', 'timed_out', 'startup_failure'))).toBe('circuit_open');
    expect(refusal(trainingsThat('failure', 'failure', 'success', 'failure'))).toBeUndefined();
  });

  it('count in the order in which they began, not in that of the list', () => {
    const [newest, ...others] = trainingsThat('success', 'failure', 'failure', 'failure');
    expect(refusal([...others, newest as Training])).toBeUndefined();
  });

  it('close it when one succeeds, also one that a person started', () => {
    const failed = trainingsThat('failure', 'failure', 'failure');
    const byHand = trainingOf({ event: 'workflow_dispatch', startedAt: NOW, changedAt: NOW });
    expect(refusal([byHand, ...failed])).toBeUndefined();
  });

  it('say nothing when a person cancelled them, nor when they run every night', () => {
    const failed = trainingsThat('failure', 'cancelled', 'failure', 'failure');
    expect(refusal(failed)).toBe('circuit_open');
    const nightly = trainingOf({ event: 'schedule', startedAt: NOW, changedAt: NOW });
    expect(refusal([nightly, ...failed])).toBe('circuit_open');
    expect(refusal(failed.map((one) => ({ ...one, event: 'schedule' })))).toBeUndefined();
  });

  it('let one try when the last failure is long enough ago', () => {
    const failed = trainingsThat('failure', 'failure', 'failure');
    const ends = NOW - HOUR + 72 * HOUR;
    expect([refusal(failed, ends - 1), refusal(failed, ends)]).toEqual(['circuit_open', undefined]);
    const again = trainingOf({ conclusion: 'failure', startedAt: ends, changedAt: ends });
    expect(refusal([again, ...failed], ends + HOUR)).toBe('circuit_open');
  });
});

describe('a dispatch without an answer', () => {
  const unknown = dispatchOf({ delivery: 'unknown', at: NOW - 10 * MINUTE });

  it('was accepted where a run has its name, and is forgotten where none has', () => {
    const started = trainingOf({ cause: 'one', isOver: false });
    expect(settle([unknown], [started], NOW)).toEqual([{ ...unknown, delivery: 'accepted' }]);
    expect(settle([unknown], [trainingOf({ cause: 'another' })], NOW)).toEqual([]);
  });

  it('was accepted as soon as a run has its name', () => {
    const young = { ...unknown, at: NOW };
    const accepted = [{ ...young, delivery: 'accepted' }];
    expect(settle([young], [trainingOf({ cause: 'one', isOver: false })], NOW)).toEqual(accepted);
  });

  it('is left alone while GitHub may still list it, as are those with an answer', () => {
    const young = { ...unknown, at: unknown.at + 1 };
    const accepted = dispatchOf({ at: NOW - HOUR });
    expect(settle([young, accepted], [], NOW)).toEqual([young, accepted]);
  });
});
