import { Worker } from 'node:worker_threads';
import { messageOf, ServiceError } from '../errors.js';
import { builtFile } from '../package-files.js';
import { transferable } from '../preprocess/image.js';
import { unlessAborted } from '../unless-aborted.js';
import type { FromWorker, ToWorker, WorkerInit } from './messages.js';
import { PoolHealth } from './pool-health.js';
import { loadTimedOut, refusal } from './preflight.js';
import type { EngineInfo, InferenceRunner, Row, RunPlan, RunResult } from './runner.js';

const WORKER_ENTRY = builtFile('inference/worker.js');

/** A thread that dies again and again is replaced ever more slowly, up to this. */
const MAX_RESTART_DELAY_MS = 10_000;
const FIRST_RESTART_DELAY_MS = 50;
/** How long `destroy` waits for runs that cannot be cancelled. */
const DESTROY_GRACE_MS = 5_000;
/** A run that was given up may end after all: that long, and at least as long again as it was given, nobody despairs. */
const LEAST_HEALING_MS = 5_000;

/** A thread allocates next to nothing on its heap but for the files that it was given: collected often, these are few. */
const THREAD_LIMITS = { maxYoungGenerationSizeMb: 3 };

export type WorkerLossReason = 'exited' | 'failed' | 'stuck';

export interface WorkerPoolOptions extends WorkerInit {
  /** Threads, and so runs at once; each holds a copy of the weights. */
  readonly workers: number;
  /** A run that takes longer is given up with its thread, since ONNX Runtime cannot cancel one. */
  readonly runTimeoutMs: number;
  /** How long a thread may take to load the model. */
  readonly loadTimeoutMs: number;
  /** Told of each thread that was lost and is being replaced. */
  readonly onWorkerLost?: (reason: WorkerLossReason, cause: unknown) => void;
  /** Told when no thread is left and none can be started. */
  readonly onFailed?: () => void;
  /** Told of what a thread would have written to stdout or stderr. */
  readonly onOutput?: (text: string) => void;
}

interface Job {
  readonly id: number;
  readonly resolve: (result: RunResult) => void;
  readonly reject: (error: ServiceError) => void;
  readonly timer: NodeJS.Timeout;
}

interface Member {
  readonly worker: Worker;
  readonly exited: Promise<void>;
  ready: boolean;
  job: Job | undefined;
}

/**
 * Sessions in worker threads: one session and one run at a time per thread.
 * A thread is asked to stop and never terminated: ending one in the middle of a native run aborts the whole process
 * (docs/decisions/0003-threads-are-never-terminated.md).
 */
export class WorkerPool implements InferenceRunner {
  onSlotsGrown: (() => void) | undefined;
  readonly #options: WorkerPoolOptions;
  readonly #members = new Set<Member>();
  /** Threads given up in mid-run, until that run ends. */
  readonly #lingering = new Set<Member>();
  readonly #restarts = new Set<NodeJS.Timeout>();
  readonly #health: PoolHealth;
  #plan: RunPlan | undefined;
  #engine: EngineInfo | undefined;
  #nextJobId = 0;
  #losses = 0;
  #closing: Promise<void> | undefined;
  #destroying: Promise<void> | undefined;
  #onIdle: (() => void) | undefined;

  private constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.#health = new PoolHealth({
      graceMs: Math.max(options.runTimeoutMs, LEAST_HEALING_MS),
      isBlocked: () => this.#members.size === 0 && this.#holdsTooMany(),
      onFailed: () => options.onFailed?.(),
    });
  }

  /**
   * Loads the model on every thread. Throws MODEL_INCOMPATIBLE with the engine's words when it refuses the file, and
   * the signal's reason once that aborts.
   */
  static async load(options: WorkerPoolOptions, signal?: AbortSignal): Promise<WorkerPool> {
    const pool = new WorkerPool(options);
    try {
      const loading = Array.from({ length: options.workers }, () => pool.#addMember());
      await unlessAborted(Promise.all(loading), signal);
    } catch (error) {
      await pool.destroy().catch(() => undefined);
      throw error;
    }
    return pool;
  }

  get engine(): EngineInfo {
    if (this.#engine === undefined) throw new Error('the pool was not loaded');
    return this.#engine;
  }

  get slots(): number {
    let ready = 0;
    for (const member of this.#members) if (member.ready) ready += 1;
    return ready;
  }

  /** Whether no thread is left and none can be started: only a new process helps. */
  get cannotHeal(): boolean {
    return this.#health.hasFailed;
  }

  /** Tells every thread, also those that will replace lost ones, how to build tensors. Comes before the first run. */
  async prepare(plan: RunPlan): Promise<void> {
    this.#plan = plan;
    await Promise.all([...this.#members].map((member) => this.#prepareMember(member, plan)));
  }

  run(batch: readonly Row[]): Promise<RunResult> {
    const member = [...this.#members].find((candidate) => candidate.ready && candidate.job === undefined);
    if (member === undefined || this.#closing !== undefined) {
      return Promise.reject(new ServiceError('WORKER_LOST', 'No inference thread is free. Try again.'));
    }
    return new Promise((resolve, reject) => {
      const id = this.#nextJobId++;
      const given = batch.map((row) => ({ row, ...transferable(row.image) }));
      const rows = given.map(({ row, image }) => ({ ...row, image }));
      post(
        member,
        { type: 'run', id, batch: rows },
        given.map(({ buffer }) => buffer),
      );
      const timer = setTimeout(() => this.#lose(member, 'stuck', undefined), this.#options.runTimeoutMs);
      member.job = { id, resolve, reject, timer };
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  destroy(): Promise<void> {
    this.#closing ??= Promise.resolve();
    this.#destroying ??= this.#end();
    return this.#destroying;
  }

  async #end(): Promise<void> {
    this.#health.stop();
    for (const restart of this.#restarts) clearTimeout(restart);
    this.#restarts.clear();
    for (const member of this.#members) this.#retire(member, 'exited');
    this.#onIdle?.();
    await within(DESTROY_GRACE_MS, Promise.all([...this.#lingering].map((member) => member.exited)));
    if (this.#lingering.size > 0) throw new Error(`${this.#lingering.size} runs cannot be ended`);
  }

  async #finish(): Promise<void> {
    if (this.#isBusy()) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    await this.destroy();
  }

  #isBusy(): boolean {
    return [...this.#members].some((member) => member.job !== undefined);
  }

  async #addMember(): Promise<void> {
    const { modelPath, executionProviders, intraOpThreads } = this.#options;
    const init: WorkerInit = { modelPath, executionProviders, intraOpThreads };
    // Node would put what they write on this thread's stdout and stderr, and wait for whoever reads that.
    const streams = { stdout: true, stderr: true };
    const worker = new Worker(WORKER_ENTRY, { workerData: init, resourceLimits: THREAD_LIMITS, ...streams });
    for (const stream of [worker.stdout, worker.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => this.#options.onOutput?.(text));
    }
    const exited = new Promise<void>((resolve) => void worker.once('exit', () => resolve()));
    const member: Member = { worker, exited, ready: false, job: undefined };
    this.#members.add(member);
    try {
      this.#engine = await loaded(worker, this.#options.loadTimeoutMs);
    } catch (error) {
      this.#retire(member, 'failed');
      throw error;
    }
    worker.on('message', (message: FromWorker) => this.#receive(member, message));
    worker.on('error', (error) => this.#lose(member, 'failed', error));
    worker.on('exit', (code) => this.#lose(member, 'exited', `exit code ${code}`));
    if (this.#closing !== undefined) return this.#retire(member, 'exited');
    if (this.#plan !== undefined) await this.#prepareMember(member, this.#plan);
  }

  async #prepareMember(member: Member, plan: RunPlan): Promise<void> {
    const prepared = once(member.worker, 'prepared');
    post(member, { type: 'prepare', plan });
    await prepared;
    member.ready = true;
    this.#health.gainedSlot();
    this.onSlotsGrown?.();
  }

  #receive(member: Member, message: FromWorker): void {
    if (message.type !== 'done' || member.job?.id !== message.id) return;
    const { job } = member;
    clearTimeout(job.timer);
    member.job = undefined;
    this.#losses = 0;
    job.resolve(message.result);
    if (!this.#isBusy()) this.#onIdle?.();
  }

  #lose(member: Member, reason: WorkerLossReason, cause: unknown): void {
    if (!this.#members.has(member)) return;
    this.#retire(member, reason);
    if (!this.#isBusy()) this.#onIdle?.();
    if (this.#closing !== undefined) return;
    this.#health.lostSlot(this.slots);
    this.#options.onWorkerLost?.(reason, cause);
    this.#scheduleReplacement();
  }

  /** Takes a thread out; it ends by itself, after its run if it has one. */
  #retire(member: Member, reason: WorkerLossReason): void {
    this.#members.delete(member);
    this.#lingering.add(member);
    void member.exited.then(() => this.#lingering.delete(member));
    post(member, { type: 'stop' });
    const { job } = member;
    if (job === undefined) return;
    member.job = undefined;
    clearTimeout(job.timer);
    job.reject(
      new ServiceError('WORKER_LOST', 'The inference thread was lost. Try again.', { cause: reason }),
    );
  }

  #scheduleReplacement(): void {
    const delayMs = Math.min(FIRST_RESTART_DELAY_MS * 2 ** this.#losses, MAX_RESTART_DELAY_MS);
    this.#losses += 1;
    const restart = setTimeout(() => {
      this.#restarts.delete(restart);
      this.#replace().catch((error: unknown) => this.#replacementFailed(error));
    }, delayMs);
    this.#restarts.add(restart);
  }

  /** Never more than as many given-up threads as there are slots: each still holds a copy of the weights. */
  async #replace(): Promise<void> {
    while (this.#holdsTooMany()) {
      await Promise.race([...this.#lingering].map((member) => member.exited));
    }
    if (this.#closing === undefined) await this.#addMember();
  }

  #holdsTooMany(): boolean {
    return this.#lingering.size > this.#options.workers;
  }

  #replacementFailed(error: unknown): void {
    if (this.#closing !== undefined) return;
    this.#health.replacementFailed();
    this.#options.onWorkerLost?.('failed', error);
    this.#scheduleReplacement();
  }
}

function post(member: Member, message: ToWorker, transfer: ArrayBuffer[] = []): void {
  member.worker.postMessage(message, transfer);
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, enough]);
  clearTimeout(timer);
}

async function loaded(worker: Worker, timeoutMs: number): Promise<EngineInfo> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(loadTimedOut(timeoutMs)), timeoutMs);
  try {
    const message = await unlessAborted(once(worker, 'loaded'), timeout.signal);
    return message.engine;
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for one message of a kind. Throws MODEL_INCOMPATIBLE when the thread refuses or dies instead. */
function once<Kind extends FromWorker['type']>(
  worker: Worker,
  kind: Kind,
): Promise<Extract<FromWorker, { type: Kind }>> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: FromWorker): void => {
      if (message.type === kind) settle(() => resolve(message as Extract<FromWorker, { type: Kind }>));
      if (message.type === 'refused') settle(() => reject(refusal(message.reason)));
    };
    const onError = (error: unknown): void => settle(() => reject(refusal(messageOf(error))));
    const onExit = (code: number): void =>
      settle(() => reject(refusal(`the inference thread ended with code ${code}`)));
    const settle = (act: () => void): void => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      act();
    };
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
  });
}
