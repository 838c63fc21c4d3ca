import { performance } from 'node:perf_hooks';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { loadMallocTrim } from './malloc-trim.js';

const LOOK_EVERY_MS = 1_000;
/** The part of a second in which this thread may be busy for a pause not to be felt by many. */
const QUIET_UTILIZATION = 0.5;
/** How long it has to be quiet first, and apart from the last time. */
const QUIET_MS = 15_000;
const TRIM_EVERY_MS = 20_000;

/** What is known of the heap at one moment. */
export interface HeapReading {
  readonly now: number;
  /** Bytes that V8 has taken from the system for its spaces. */
  readonly totalBytes: number;
  /** Bytes of it in use, garbage that was not collected yet included. */
  readonly usedBytes: number;
  /** 0 to 1: how busy the thread was since the last reading. */
  readonly utilization: number;
}

/** Says when it is time to give pages of the heap back: after a peak, once it is quiet. */
export class SpareHeap {
  readonly #worthBytes: number;
  #peakBytes = 0;
  #quietSince: number | undefined;

  /** @param worthBytes less than this is not worth the pause */
  constructor(worthBytes: number) {
    this.#worthBytes = worthBytes;
  }

  isDue({ now, totalBytes, usedBytes, utilization }: HeapReading): boolean {
    this.#peakBytes = Math.max(this.#peakBytes, totalBytes);
    if (utilization > QUIET_UTILIZATION) this.#quietSince = undefined;
    else this.#quietSince ??= now;
    const isQuiet = this.#quietSince !== undefined && now - this.#quietSince >= QUIET_MS;
    if (!isQuiet || this.#peakBytes - usedBytes < this.#worthBytes) return false;
    this.#peakBytes = 0;
    this.#quietSince = undefined;
    return true;
  }
}

/**
 * Gives back, from now on, the memory that V8 keeps for this thread after a peak. V8 does so by itself only where next to nothing is
 * allocated any more (its memory reducer); under a little traffic it keeps every page it has freed for the next peak. The
 * collection that lets go of them pauses this thread, once after a peak: the main thread for some 50 to 100 ms.
 * @param worthBytes less than this is not worth the pause
 */
export function giveBackSpareHeap(worthBytes: number): void {
  const collect = exposedCollector();
  const spare = new SpareHeap(worthBytes);
  const utilization = measureUtilization();
  setInterval(() => {
    const { total_heap_size: totalBytes, used_heap_size: usedBytes } = getHeapStatistics();
    const reading = { now: performance.now(), totalBytes, usedBytes, utilization: utilization() };
    if (spare.isDue(reading)) collect();
  }, LOOK_EVERY_MS).unref();
}

/**
 * Gives back, from now on, what the C library keeps of freed bodies and pixels, of all threads: up to some milliseconds of this
 * thread each time that it was not busy. Where there is no glibc, or the optional package `koffi` is not installed, nothing is
 * given back.
 */
export function giveBackFreedPages(): void {
  const trim = loadMallocTrim();
  if (trim === undefined) return;
  const utilization = measureUtilization();
  setInterval(() => {
    if (utilization() <= QUIET_UTILIZATION) trim();
  }, TRIM_EVERY_MS).unref();
}

/** Between one call and the next how busy this thread was, 0 to 1. */
function measureUtilization(): () => number {
  let before = performance.eventLoopUtilization();
  return () => {
    const since = before;
    before = performance.eventLoopUtilization();
    return performance.eventLoopUtilization(before, since).utilization;
  };
}

/**
 * V8's own collector, in the flavour that also frees what is kept for later: Node has no interface for it. The flag is one for
 * all threads and stays: where one took it back, another would find no collector.
 */
export function exposedCollector(): () => void {
  setFlagsFromString('--expose-gc');
  const gc: (options?: object) => void = runInNewContext('gc');
  // That of Node 20 knows no flavours: it takes any options for those of a minor collection.
  if (Number.parseInt(process.versions.node, 10) < 22) return () => gc();
  return () => gc({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
