import { performance } from 'node:perf_hooks';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { loadMallocTrim } from './malloc-trim.js';

const LOOK_EVERY_MS = 1_000;
/** The part of a second in which this thread may be busy for a pause not to be felt by many. */
const QUIET_UTILIZATION = 0.5;
/** How long it has to be quiet first, and apart from the last time. */
const QUIET_MS = 15_000;

/** What is known of a kind of memory at one moment. */
export interface MemoryReading {
  readonly now: number;
  /** Bytes that are taken from the system. */
  readonly totalBytes: number;
  /** Bytes of it that have to stay. */
  readonly usedBytes: number;
  /** 0 to 1: how busy the thread was since the last reading. */
  readonly utilization: number;
}

/** Says when it is time to give memory back to the system: after a peak, once it is quiet. */
export class SpareMemory {
  readonly #worthBytes: number;
  #peakBytes = 0;
  #quietSince: number | undefined;

  /** @param worthBytes less than this is not worth the pause */
  constructor(worthBytes: number) {
    this.#worthBytes = worthBytes;
  }

  isDue({ now, totalBytes, usedBytes, utilization }: MemoryReading): boolean {
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
  giveBack(worthBytes, {
    read: () => {
      const { total_heap_size: totalBytes, used_heap_size: usedBytes } = getHeapStatistics();
      return { totalBytes, usedBytes };
    },
    free: collect,
  });
}

/**
 * Gives back, from now on, what the C library keeps of freed bodies and pixels after a peak: a few milliseconds of this thread.
 * Where there is no glibc, or the optional package `koffi` is not installed, nothing is given back.
 * @param worthBytes less than this above what was resident the last time is not worth the pause
 */
export function giveBackFreedPages(worthBytes: number): void {
  const trim = loadMallocTrim();
  if (trim === undefined) return;
  let usedBytes = process.memoryUsage.rss();
  giveBack(worthBytes, {
    read: () => ({ totalBytes: process.memoryUsage.rss(), usedBytes }),
    free: () => {
      trim();
      usedBytes = process.memoryUsage.rss();
    },
  });
}

interface Memory {
  read(): Pick<MemoryReading, 'totalBytes' | 'usedBytes'>;
  free(): void;
}

function giveBack(worthBytes: number, memory: Memory): void {
  const spare = new SpareMemory(worthBytes);
  let before = performance.eventLoopUtilization();
  setInterval(() => {
    const since = before;
    before = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(before, since);
    if (spare.isDue({ ...memory.read(), now: performance.now(), utilization })) memory.free();
  }, LOOK_EVERY_MS).unref();
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
