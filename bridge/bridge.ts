import { createHash, randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '../service/errors.js';
import type { Logger } from '../service/telemetry/logging.js';
import {
  type Dispatch,
  isOverdue,
  type Limits,
  type Outcome,
  prune,
  type Refusal,
  refusalByDispatches,
  refusalByTrainings,
  settle,
} from './decide.js';
import { type GitHub, NotDelivered } from './github.js';
import type { TrainingRequest } from './notification.js';
import type { StateFile } from './state-file.js';

/** What became of a request for a training. */
export interface Decision {
  readonly model: string;
  readonly outcome: Outcome;
  /** Of what was dispatched. */
  readonly decision?: string;
}

export interface BridgeOptions {
  readonly state: StateFile;
  readonly github: Pick<GitHub, 'dispatch' | 'trainings'>;
  /** Those that a training may be asked for. */
  readonly models: readonly string[];
  readonly limits: Limits;
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Ends the pauses between attempts; what comes later is left to whoever runs next. */
  readonly stop: AbortSignal;
}

/** After a failure nothing is asked of GitHub for this long, milliseconds. */
const PAUSE_AFTER_FAILURE_MS = 30_000;

/** Turns requests for trainings into dispatches: one at a time, and each at most once. */
export class Bridge {
  readonly #options: BridgeOptions;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #failedAt = Number.NEGATIVE_INFINITY;

  constructor(options: BridgeOptions) {
    this.#options = options;
  }

  /** Requests that wait or are looked at. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Decides, and carries it out. Never rejects. */
  async handle(request: TrainingRequest): Promise<Decision> {
    this.#waiting += 1;
    const decision = await this.#inTurn(() => this.#decide(request));
    this.#waiting -= 1;
    this.#log(request, decision);
    return decision;
  }

  /** Asks GitHub what became of the dispatches without an answer, where there are any. Never rejects. */
  settle(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#isPaused() || !this.#options.state.dispatches.some(({ delivery }) => delivery === 'unknown'))
        return;
      try {
        await this.#settle();
      } catch (error) {
        this.#failed(error);
        this.#options.logger.warn({ reason: messageOf(error) }, 'dispatches without an answer not looked up');
      }
    });
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#last.then(work);
    this.#last = done;
    return done;
  }

  async #decide(request: TrainingRequest): Promise<Decision> {
    const { model } = request;
    try {
      if (this.#options.stop.aborted) throw new Error('the bridge ends');
      const refusal = await this.#refusal(request);
      return refusal === undefined ? await this.#dispatch(request) : { model, outcome: refusal };
    } catch (error) {
      this.#failed(error);
      this.#options.logger.error({ model, reason: messageOf(error) }, 'training not asked for');
      return { model, outcome: 'failed' };
    }
  }

  /** GitHub is asked only where nothing else forbids it. */
  async #refusal({ model, groupKey }: TrainingRequest): Promise<Refusal | undefined> {
    const { models, state, github, limits, now } = this.#options;
    if (!models.includes(model)) return 'not_trainable';
    const group = digestOf(groupKey);
    if (state.dispatches.some((dispatch) => isOverdue(dispatch, now()))) await this.#settle();
    const refusal = refusalByDispatches({ model, group }, state.dispatches, limits, now());
    if (refusal !== undefined) return refusal;
    this.#demandNoPause();
    return refusalByTrainings(model, await github.trainings(), limits, now());
  }

  async #settle(): Promise<void> {
    const { state, github, now } = this.#options;
    this.#demandNoPause();
    const settled = settle(state.dispatches, await github.trainings(), now());
    if (!isDeepStrictEqual(settled, state.dispatches)) await state.write(settled);
  }

  #failed(error: unknown): void {
    if (error instanceof NotDelivered) this.#failedAt = this.#options.now();
  }

  #demandNoPause(): void {
    if (this.#isPaused()) throw new Error('GitHub failed a moment ago');
  }

  /** No longer than it should be where the clock was set back. */
  #isPaused(): boolean {
    return Math.abs(this.#options.now() - this.#failedAt) < PAUSE_AFTER_FAILURE_MS;
  }

  /** On the disk before it is sent: whatever happens in between, it is not sent twice. */
  async #dispatch(request: TrainingRequest): Promise<Decision> {
    const { state, github, limits, now, stop } = this.#options;
    const { model, groupKey } = request;
    const id = randomUUID();
    const before = prune(state.dispatches, limits, now());
    const dispatch: Dispatch = { id, model, group: digestOf(groupKey), at: now(), delivery: 'unknown' };
    await state.write([...before, dispatch]);
    try {
      const delivery = await github.dispatch(payloadOf(request, id), stop);
      if (delivery === 'unknown') return { model, outcome: 'unknown', decision: id };
    } catch (error) {
      if (error instanceof NotDelivered) await state.write(before);
      throw error;
    }
    await state.write([...before, { ...dispatch, delivery: 'accepted' }]);
    return { model, outcome: 'dispatched', decision: id };
  }

  #log({ namespace, alerts, startedAt }: TrainingRequest, decision: Decision): void {
    const fields = { ...decision, namespace, alerts: alerts.length, startedAt };
    this.#options.logger[decision.outcome === 'unknown' ? 'warn' : 'info'](fields, 'decided');
  }
}

function digestOf(groupKey: string): string {
  return createHash('sha256').update(groupKey).digest('hex');
}

/** GitHub takes ten fields at most. */
function payloadOf(request: TrainingRequest, decision: string) {
  return {
    model: request.model,
    namespace: request.namespace,
    group_key: request.groupKey.slice(0, 1000),
    alerts: request.alerts,
    started_at: request.startedAt,
    requested_by: 'bridge',
    decision,
  };
}
