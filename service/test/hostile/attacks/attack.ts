import { setMaxListeners } from 'node:events';

/** The service under attack. */
export interface Target {
  /** As the service logs it. */
  readonly url: string;
}

/** What an attacker saw. */
export interface AttackReport {
  /** How often each outcome came: a status, with the code of the error; an error of the socket; "unanswered". */
  readonly outcomes: Readonly<Record<string, number>>;
}

/**
 * Something that a hostile client does, bounded in connections and bytes. It goes on until the signal, and then ends
 * within moments and leaves no connection behind.
 */
export interface Attack {
  readonly name: string;
  /** One line, for the report of a soak. */
  readonly what: string;
  run(target: Target, signal: AbortSignal): Promise<AttackReport>;
}

/** Counts outcomes. */
export class Tally implements AttackReport {
  readonly #outcomes = new Map<string, number>();

  add(outcome: string, count = 1): void {
    if (count > 0) this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + count);
  }

  get outcomes(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#outcomes].sort(([, a], [, b]) => b - a));
  }
}

/** Has so many clients do the same over and over, until the signal. A step must end at the signal by itself. */
export async function repeat(
  clients: number,
  signal: AbortSignal,
  step: (client: number, round: number) => Promise<void>,
): Promise<void> {
  // One for each that waits.
  setMaxListeners(0, signal);
  const loop = async (client: number): Promise<void> => {
    for (let round = 0; !signal.aborted; round++) await step(client, round);
  };
  await Promise.all(Array.from({ length: clients }, (_, client) => loop(client)));
}

/** Ends early, without an error, at the signal. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}

/** The one whose turn it is; every client of `repeat` begins elsewhere. */
export function inTurn<Item>(items: readonly Item[], client: number, round: number): Item {
  return items[(client * 7 + round) % items.length] as Item;
}
