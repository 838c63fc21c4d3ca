import type { Shot } from './load.js';
import type { Server } from './server-process.js';
import type { Subject } from './subject.js';

/** What every scenario may use. */
export interface Bench {
  readonly subject: Subject;
  readonly options: BenchOptions;
  /** Loops, workers and generators that fill the machine. */
  readonly cores: number;
  /** The service, started once and shared by all that put load on it. */
  readonly service: Server;
  readonly peer: Server | undefined;
  /** A service of its own, with these settings. */
  startService(settings: Readonly<Record<string, string>>): Promise<Server>;
  /** What starts each of the servers that people use instead and that is installed, by its name. */
  readonly peers: ReadonlyMap<string, () => Promise<Server>>;
  progress(text: string): void;
}

export interface BenchOptions {
  readonly rounds: number;
  /** Length of one measurement. */
  readonly seconds: number;
  /** Numbers of clients that are tried; the largest saturates the service. */
  readonly clients: readonly number[];
  /** Sent while the memory is watched. */
  readonly requests: number;
  readonly starts: number;
  readonly deadlineMs: number;
  /** How long a client that was refused waits before it comes back. */
  readonly pauseAfterRefusalMs: number;
}

/** One measured thing: a value for each round. */
export interface Measurement {
  readonly name: string;
  readonly unit: 'images/s' | 'ratio' | 'ms' | 'share' | 'bytes' | 'count';
  readonly values: readonly number[];
  readonly note?: string;
}

export interface Scenario {
  readonly name: string;
  readonly description: string;
  run(bench: Bench): Promise<Measurement[]>;
}

/** Every process that a measurement starts has this long to load and to warm up. */
export const LEAD_SECONDS = 2;

export function shotAt(server: Server, subject: Subject): Shot {
  return { url: server.predictUrl, contentType: 'image/jpeg', body: subject.image };
}

export function serversOf({ service, peer }: Bench): readonly Server[] {
  return peer === undefined ? [service] : [service, peer];
}

/** In turn forwards and backwards, so that a machine that warms up or slows down favours nobody. */
export function inTurn<Item>(items: readonly Item[], round: number): readonly Item[] {
  return round % 2 === 0 ? items : items.toReversed();
}

export function ratios(numerators: readonly number[], denominators: readonly number[]): number[] {
  return numerators.map((value, index) => value / (denominators[index] ?? Number.NaN));
}
