import type { DrawingOrder } from '../../drawing/shapes.js';
import type { ServiceError } from '../../errors.js';
import type { DecodedImage } from '../image.js';
import { DecodeChild, type DecodeLoss, type JobReply, lost } from './decode-child.js';
import type { DecodeJob, DecodeProcessInit } from './messages.js';

export interface DecodeProcessesOptions extends DecodeProcessInit {
  readonly processes: number;
  /** Told of each process that was lost or given up, and is being replaced. */
  readonly onLost?: ((reason: string) => void) | undefined;
}

export interface DecodeReply {
  readonly image: DecodedImage;
  /** What the decoding alone took, milliseconds. */
  readonly decodeMs: number;
  /** Not the first image of its process. */
  readonly isWarm: boolean;
}

export interface DrawReply {
  /** The file. */
  readonly picture: Uint8Array;
  /** What drawing and encoding took, without decoding, milliseconds. */
  readonly drawMs: number;
  readonly isWarm: boolean;
}

interface Job {
  readonly job: DecodeJob;
  readonly body: readonly Uint8Array[];
  readonly signal: AbortSignal | undefined;
  readonly resolve: (reply: Promise<JobReply>) => void;
  readonly reject: (reason: unknown) => void;
}

/** Who leaves while a file is decoded: so long it may go on, so that a small one does not cost a process. */
const GRACE_MS = 500;
/** Whatever happens to a process (it may have been stopped), an answer comes within this time. */
const MAX_WALL_MS = 120_000;
/** A process that has not come up in this time is taken for lost. */
const MAX_START_MS = 60_000;
/** So many processes in a row that do not come up are replaced at once; then ever more slowly, up to this. */
const FREE_FAILURES = 3;
const FIRST_RESTART_DELAY_MS = 50;
const MAX_RESTART_DELAY_MS = 10_000;

/**
 * Processes that decode. What cannot be cancelled, and may crash on hostile files, happens there: a process is ended,
 * and replaced at once, where its file must be given up (docs/decisions/0011-decode-processes.md).
 */
export class DecodeProcesses {
  readonly #options: DecodeProcessesOptions;
  readonly #children = new Set<DecodeChild>();
  readonly #waiting = new Set<Job>();
  readonly #restarts = new Set<NodeJS.Timeout>();
  /** Processes in a row that have ended before they were of use. */
  #failures = 0;
  #lastReason = '';
  #busy = 0;
  #closing: Promise<void> | undefined;
  #isDestroyed = false;
  #onIdle: (() => void) | undefined;
  readonly #starting = new Set<{ resolve(): void; reject(error: ServiceError): void }>();

  constructor(options: DecodeProcessesOptions) {
    this.#options = options;
    for (let index = 0; index < options.processes; index++) this.#start();
  }

  /** Settles when all of them take files; rejects with WORKER_LOST where none comes up. */
  started(): Promise<void> {
    if (this.#areReady()) return Promise.resolve();
    if (this.#isFailing()) return Promise.reject(lost(this.#lastReason));
    return new Promise((resolve, reject) => void this.#starting.add({ resolve, reject }));
  }

  /** Of the processes that run. */
  get pids(): number[] {
    return [...this.#children].flatMap(({ pid }) => pid ?? []);
  }

  /**
   * @param file must not change before the promise settles
   * @param signal drops the file where it waits; where it is being decoded, ends the process a little later
   */
  async run(job: DecodeJob, file: Uint8Array, signal: AbortSignal | undefined): Promise<DecodeReply> {
    const { answer, body, isWarm } = await this.#submit(job, [file], signal);
    if (answer.type !== 'decoded') throw lost(`an answer of the type ${answer.type}`);
    const { width, height, pixelWidth, pixelHeight, decodeMs } = answer;
    const pixels = { data: body, width: pixelWidth, height: pixelHeight };
    return { image: { pixels, format: job.format, width, height }, decodeMs, isWarm };
  }

  /** Decodes, draws and encodes. Parameters as those of `run`. */
  async draw(
    job: DecodeJob,
    { shapes, ...order }: DrawingOrder,
    file: Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<DrawReply> {
    const json = Buffer.from(JSON.stringify(shapes));
    const drawing = { ...order, shapesBytes: json.byteLength };
    const { answer, body, isWarm } = await this.#submit({ ...job, drawing }, [file, json], signal);
    if (answer.type !== 'drawn') throw lost(`an answer of the type ${answer.type}`);
    return { picture: new Uint8Array(body), drawMs: answer.drawMs, isWarm };
  }

  #submit(job: DecodeJob, body: readonly Uint8Array[], signal: AbortSignal | undefined): Promise<JobReply> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#closing !== undefined || this.#isFailing()) return Promise.reject(lost(this.#lastReason));
    return new Promise((resolve, reject) => {
      const entry: Job = {
        job,
        body,
        signal,
        reject,
        resolve: (reply) => {
          signal?.removeEventListener('abort', leave);
          resolve(reply);
        },
      };
      const leave = (): void => {
        if (this.#waiting.delete(entry)) reject(signal?.reason);
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.add(entry);
      this.#dispatch();
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  async destroy(): Promise<void> {
    this.#isDestroyed = true;
    this.#closing ??= Promise.resolve();
    for (const restart of this.#restarts) clearTimeout(restart);
    this.#restarts.clear();
    this.#refuseWaiting();
    const children = [...this.#children];
    for (const child of children) child.end(lost('ended'));
    await Promise.all(children.map((child) => child.exited));
  }

  async #finish(): Promise<void> {
    if (this.#busy + this.#waiting.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    await this.destroy();
  }

  #start(): void {
    const { formats, maxPixels, spec, reduce, fastDecoders } = this.#options;
    const child = new DecodeChild(
      { formats, maxPixels, spec, reduce, fastDecoders },
      {
        onReady: () => {
          clearTimeout(patience);
          if (this.#areReady()) this.#settleStart(undefined);
          this.#dispatch();
        },
        onExit: (loss) => {
          clearTimeout(patience);
          this.#replace(child, loss);
        },
      },
    );
    const patience = setTimeout(() => child.end(lost('did not start')), MAX_START_MS).unref();
    this.#children.add(child);
  }

  #settleStart(error: ServiceError | undefined): void {
    for (const { resolve, reject } of this.#starting) error === undefined ? resolve() : reject(error);
    this.#starting.clear();
  }

  #dispatch(): void {
    for (const child of this.#children) {
      const [next] = this.#waiting;
      if (next === undefined) return;
      if (!child.isFree) continue;
      this.#waiting.delete(next);
      next.resolve(this.#decode(child, next));
    }
  }

  async #decode(child: DecodeChild, { job, body, signal }: Job): Promise<JobReply> {
    this.#busy += 1;
    const watch = giveUpInTime(child, signal);
    try {
      return await child.run(job, body);
    } finally {
      watch.stop();
      this.#busy -= 1;
      if (child.isFree) this.#failures = 0;
      this.#dispatch();
      if (this.#busy + this.#waiting.size === 0) this.#onIdle?.();
    }
  }

  #replace(child: DecodeChild, loss: DecodeLoss): void {
    this.#children.delete(child);
    if (this.#isDestroyed) return;
    this.#lastReason = loss.reason;
    this.#options.onLost?.(loss.reason);
    if (!loss.wasOfUse) this.#failures += 1;
    if (this.#isFailing()) this.#refuseWaiting();
    const exponent = this.#failures - FREE_FAILURES;
    const delayMs = exponent < 0 ? 0 : Math.min(FIRST_RESTART_DELAY_MS * 2 ** exponent, MAX_RESTART_DELAY_MS);
    const restart = setTimeout(() => {
      this.#restarts.delete(restart);
      this.#start();
    }, delayMs);
    this.#restarts.add(restart);
  }

  /** None has come up again and again: who waited would wait in vain. */
  #isFailing(): boolean {
    return this.#failures >= FREE_FAILURES && !this.#hasReady();
  }

  #areReady(): boolean {
    const ready = [...this.#children].filter((child) => child.isReady);
    return ready.length === this.#options.processes;
  }

  #hasReady(): boolean {
    return [...this.#children].some((child) => child.isReady);
  }

  #refuseWaiting(): void {
    this.#settleStart(lost(this.#lastReason));
    for (const { reject } of this.#waiting) reject(lost(this.#lastReason));
    this.#waiting.clear();
    if (this.#busy === 0) this.#onIdle?.();
  }
}

function giveUpInTime(child: DecodeChild, signal: AbortSignal | undefined): { stop(): void } {
  const end = (why: string): void => child.end(lost(why));
  const timers = [setTimeout(() => end('no answer in time'), MAX_WALL_MS)];
  const leave = (): void => void timers.push(setTimeout(() => end('given up'), GRACE_MS));
  if (signal?.aborted) leave();
  else signal?.addEventListener('abort', leave, { once: true });
  return {
    stop: () => {
      signal?.removeEventListener('abort', leave);
      for (const timer of timers) clearTimeout(timer);
    },
  };
}
