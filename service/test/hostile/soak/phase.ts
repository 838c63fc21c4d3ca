import { median } from '../../../bench/statistics.js';
import type { RequestRecord } from './honest-client.js';
import type { MemoryReading } from './memory.js';

/** How much of the end of a phase its level of memory is taken from. */
export const LEVEL_SAMPLES = 10;

/** What was seen while one thing was going on. Times by performance.now(). */
export class Phase {
  readonly name: string;
  readonly fromMs = performance.now();
  readonly requests: RequestRecord[] = [];
  /** Milliseconds until /health answered 200; Infinity where it did not. */
  readonly healthMs: number[] = [];
  /** Answers of /ready other than 200. */
  readonly unready: string[] = [];
  readonly memory: MemoryReading[] = [];
  /** What the attacker saw. */
  outcomes: Readonly<Record<string, number>> = {};
  /** What went wrong with the service or the attack itself. */
  readonly faults: string[] = [];

  constructor(name: string) {
    this.name = name;
  }

  /** The level of memory at its end; NaN where it could not be read. */
  get memoryBytes(): number {
    return median(this.memory.slice(-LEVEL_SAMPLES).map(({ bytes }) => bytes));
  }

  get memoryKills(): number {
    return Math.max(0, ...this.memory.map(({ kills }) => kills));
  }

  count(outcome: RequestRecord['outcome']): number {
    return this.requests.filter((request) => request.outcome === outcome).length;
  }

  get refusals(): number {
    return this.requests.reduce((sum, { refusals }) => sum + refusals, 0);
  }
}

/** The phases of a soak, the last of which is under way. What began in one belongs to it, whenever it ends. */
export class Phases {
  readonly all: Phase[] = [];

  begin(name: string): Phase {
    const phase = new Phase(name);
    this.all.push(phase);
    return phase;
  }

  at(ms: number): Phase {
    const phase = this.all.findLast(({ fromMs }) => fromMs <= ms) ?? this.all[0];
    if (phase === undefined) throw new Error('nothing has begun');
    return phase;
  }
}
