import type { Stage } from '../scenarios.js';
import { arrivals, secondsIn } from './arrivals.js';
import type { Connection } from './connection.js';

/** Timers wake up to a millisecond late: what is due within this time is sent at once. */
const EARLY_MS = 0.5;

/** Decides when connections send. Times by performance.now(). */
export interface Pace {
  readonly seconds: number;
  /** @param onDropped a request was due and every connection busy; @param onOver nothing more will be sent */
  start(onDropped: () => void, onOver: () => void): void;
  idle(connection: Connection): void;
  stop(): void;
}

/** Requests are due at a rate, whatever becomes of the earlier ones; connections take turns. */
export class ArrivalPace implements Pace {
  readonly seconds: number;
  readonly #due: Iterator<number>;
  readonly #idle = new Set<Connection>();
  #timer: NodeJS.Timeout | undefined;

  constructor(stages: readonly Stage[]) {
    this.seconds = secondsIn(stages);
    this.#due = arrivals(stages);
  }

  start(onDropped: () => void, onOver: () => void): void {
    const startMs = performance.now();
    let next = this.#due.next();
    const tick = (): void => {
      while (next.done !== true && startMs + next.value - performance.now() <= EARLY_MS) {
        if (!this.#send(startMs + next.value)) onDropped();
        next = this.#due.next();
      }
      if (next.done === true) onOver();
      else this.#timer = setTimeout(tick, Math.max(1, Math.floor(startMs + next.value - performance.now())));
    };
    tick();
  }

  idle(connection: Connection): void {
    this.#idle.add(connection);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #send(dueMs: number): boolean {
    const [connection] = this.#idle;
    if (connection === undefined) return false;
    this.#idle.delete(connection);
    connection.send(dueMs);
    return true;
  }
}

/** Each connection sends the next request as soon as the last is answered: as much as the server can take. */
export class ClosedPace implements Pace {
  readonly seconds: number;
  readonly #waiting = new Set<Connection>();
  #state: 'waiting' | 'running' | 'over' = 'waiting';
  #timer: NodeJS.Timeout | undefined;

  constructor(seconds: number) {
    this.seconds = seconds;
  }

  start(_onDropped: () => void, onOver: () => void): void {
    this.#state = 'running';
    for (const connection of this.#waiting) connection.send(performance.now());
    this.#timer = setTimeout(() => {
      this.#state = 'over';
      onOver();
    }, this.seconds * 1000);
  }

  idle(connection: Connection): void {
    if (this.#state === 'running') connection.send(performance.now());
    else this.#waiting.add(connection);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#state = 'over';
  }
}
