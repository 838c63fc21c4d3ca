export type LifecycleState = 'starting' | 'ready' | 'draining' | 'stopped';

/** One thing to bring to rest: `close` drains it, `destroy` aborts it and rejects where it cannot. Both idempotent. */
export interface Resource {
  readonly name: string;
  close(): Promise<void>;
  destroy(): Promise<void>;
}

/** How a drain ended; `stuck`: by force, and not even so: something still runs. */
export type DrainOutcome = 'drained' | 'aborted' | 'stuck';

export interface DrainOptions {
  /** How long to go on serving while unready, milliseconds. */
  readonly delayMs: number;
  /** From the end of the delay to the abort, milliseconds. */
  readonly timeoutMs: number;
  /** In order: each is closed after the one before it has ended. */
  readonly resources: readonly Resource[];
  /** Aborts at once. */
  readonly abort: AbortSignal;
}

/** Where the process is in its life, and the one way to its end. */
export class Lifecycle {
  readonly #cannotHeal: () => boolean;
  #state: LifecycleState = 'starting';

  /** @param cannotHeal whether what serves has come to an end that only a new process can help */
  constructor(cannotHeal: () => boolean = () => false) {
    this.#cannotHeal = cannotHeal;
  }

  get state(): LifecycleState {
    return this.#state;
  }

  /** Whether this process should be restarted. Never before it was ready or on its way out: then it ends by itself. */
  get failed(): boolean {
    return this.#state === 'ready' && this.#cannotHeal();
  }

  markReady(): void {
    if (this.#state === 'starting') this.#state = 'ready';
  }

  /**
   * Turns unready, waits until load balancers have noticed, stops accepting, then closes the resources in order.
   * Past the deadline, or on abort, everything is destroyed.
   */
  async drain(options: DrainOptions): Promise<DrainOutcome> {
    this.#state = 'draining';
    await pause(options.delayMs, options.abort);
    const finished = new AbortController();
    const deadline = pause(options.timeoutMs, AbortSignal.any([options.abort, finished.signal]));
    const clean = await Promise.race([closeInOrder(options.resources), deadline.then(() => false)]);
    finished.abort();
    const outcome = clean ? 'drained' : await destroyAll(options.resources);
    this.#state = 'stopped';
    return outcome;
  }
}

async function closeInOrder(resources: readonly Resource[]): Promise<boolean> {
  let clean = true;
  for (const resource of resources) clean = (await settled(resource.close())) && clean;
  return clean;
}

async function destroyAll(resources: readonly Resource[]): Promise<'aborted' | 'stuck'> {
  const ended = await Promise.all(resources.map((resource) => settled(resource.destroy())));
  return ended.every(Boolean) ? 'aborted' : 'stuck';
}

async function settled(work: Promise<void>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}

/** Waits for the time, and no longer than the signal lets it. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted || ms === 0) return resolve();
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
