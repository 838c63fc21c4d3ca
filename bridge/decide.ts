/** What is kept of a dispatch. */
export interface Dispatch {
  /** Unique; the run that it starts carries it in its name. */
  readonly id: string;
  readonly model: string;
  /** Digest of the group of alerts that asked for it. */
  readonly group: string;
  /** When it was decided, milliseconds since 1970. */
  readonly at: number;
  /** `unknown`: it was sent, or was about to be, and no answer came. */
  readonly delivery: 'accepted' | 'unknown';
}

/** A run of the workflow that trains, by whatever it was started. */
export interface Training {
  readonly model: string;
  /** The dispatch that started it, or the event. */
  readonly cause: string;
  readonly event: string;
  readonly isOver: boolean;
  /** As GitHub has it: success, failure, cancelled ...; empty while it is not over. */
  readonly conclusion: string;
  readonly startedAt: number;
  /** When it last changed, milliseconds since 1970. */
  readonly changedAt: number;
}

export interface Limits {
  readonly deduplicationWindowMs: number;
  readonly cooldownMs: number;
  readonly dailyLimit: number;
  readonly maxFailedTrainings: number;
  readonly failedTrainingsPauseMs: number;
}

export const REFUSALS = [
  'not_trainable',
  'duplicate',
  'cooldown',
  'daily_limit',
  'in_progress',
  'circuit_open',
] as const;
export type Refusal = (typeof REFUSALS)[number];

/** What becomes of a request for a training. */
export const OUTCOMES = ['dispatched', 'unknown', 'failed', ...REFUSALS] as const;
export type Outcome = (typeof OUTCOMES)[number];

const DAY_MS = 86_400_000;
/** GitHub lists a run some seconds after its dispatch: what is not there after this time was not delivered, milliseconds. */
const SETTLING_MS = 600_000;

/** Why what was dispatched before forbids another, or undefined. */
export function refusalByDispatches(
  { model, group }: { readonly model: string; readonly group: string },
  dispatches: readonly Dispatch[],
  limits: Limits,
  now: number,
): Refusal | undefined {
  const within = (ms: number) => dispatches.filter(({ at }) => now - at < ms);
  const isOurs = (dispatch: Dispatch) => dispatch.model === model;
  const repeated = within(limits.deduplicationWindowMs).some((one) => isOurs(one) && one.group === group);
  if (repeated) return 'duplicate';
  if (within(limits.cooldownMs).some(isOurs)) return 'cooldown';
  return within(DAY_MS).length >= limits.dailyLimit ? 'daily_limit' : undefined;
}

/** Why the trainings of the model forbid another, or undefined. */
export function refusalByTrainings(
  model: string,
  trainings: readonly Training[],
  limits: Limits,
  now: number,
): Refusal | undefined {
  const own = trainings.filter((training) => training.model === model);
  if (own.some(({ isOver }) => !isOver)) return 'in_progress';
  const failed = failedInARow(own);
  const last = Math.max(...failed.map(({ changedAt }) => changedAt));
  const isOpen = failed.length >= limits.maxFailedTrainings && now - last < limits.failedTrainingsPauseMs;
  return isOpen ? 'circuit_open' : undefined;
}

/** The newest trainings up to the last that succeeded. What a person cancelled says nothing, nor what runs every night. */
function failedInARow(trainings: readonly Training[]): Training[] {
  const told = trainings
    .filter(
      ({ event, conclusion }) => event !== 'schedule' && (conclusion === 'success' || isFailure(conclusion)),
    )
    .sort((a, b) => b.startedAt - a.startedAt);
  const success = told.findIndex(({ conclusion }) => conclusion === 'success');
  return success === -1 ? told : told.slice(0, success);
}

function isFailure(conclusion: string): boolean {
  return ['failure', 'timed_out', 'startup_failure'].includes(conclusion);
}

/** Whether no answer came to a dispatch, and GitHub would list its run by now. */
export function isOverdue({ delivery, at }: Dispatch, now: number): boolean {
  return delivery === 'unknown' && now - at >= SETTLING_MS;
}

/** The dispatches, those without an answer accepted where GitHub lists their run, and forgotten where it still does not. */
export function settle(
  dispatches: readonly Dispatch[],
  trainings: readonly Training[],
  now: number,
): readonly Dispatch[] {
  const started = new Set(trainings.map(({ cause }) => cause));
  return dispatches
    .map(
      (dispatch): Dispatch => (started.has(dispatch.id) ? { ...dispatch, delivery: 'accepted' } : dispatch),
    )
    .filter((dispatch) => !isOverdue(dispatch, now));
}

/** The dispatches that can still forbid one. */
export function prune(dispatches: readonly Dispatch[], limits: Limits, now: number): readonly Dispatch[] {
  const longestMs = Math.max(limits.deduplicationWindowMs, limits.cooldownMs, DAY_MS);
  return dispatches.filter(({ at }) => now - at < longestMs);
}
