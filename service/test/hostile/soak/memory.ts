import { readFileSync } from 'node:fs';
import { residentBytes } from '../../../bench/process-stats.js';

/** A reading of the memory of a process and all it started. */
export interface MemoryReading {
  /** Without the cache of files, which the kernel takes back. */
  readonly bytes: number;
  /** How often the kernel has killed something for memory, so far. */
  readonly kills: number;
}

/** The control group of a container, whichever version; undefined where this machine does not show it. */
export function readCgroup(pid: number): MemoryReading | undefined {
  const groups = read(`/proc/${pid}/cgroup`) ?? '';
  const v1 = /^\d+:memory:(.*)$/m.exec(groups)?.[1];
  if (v1 !== undefined) {
    const folder = `/sys/fs/cgroup/memory${v1}`;
    return reading(folder, 'memory.usage_in_bytes', 'total_cache', 'memory.oom_control');
  }
  const v2 = /^0::(.*)$/m.exec(groups)?.[1];
  return v2 === undefined
    ? undefined
    : reading(`/sys/fs/cgroup${v2}`, 'memory.current', 'file', 'memory.events');
}

function reading(folder: string, usage: string, cache: string, events: string): MemoryReading | undefined {
  const used = Number(read(`${folder}/${usage}`) ?? Number.NaN);
  const bytes = used - field(read(`${folder}/memory.stat`), cache);
  return Number.isNaN(bytes) ? undefined : { bytes, kills: field(read(`${folder}/${events}`), 'oom_kill') };
}

function field(text: string | undefined, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text ?? '')?.[1] ?? Number.NaN);
}

/** Resident memory of a process and of those it started; what they share counts for each. */
export function readProcesses(pid: number): MemoryReading | undefined {
  const own = residentBytes(pid);
  if (own === undefined) return undefined;
  const bytes = childrenOf(pid).reduce((sum, child) => sum + (readProcesses(child)?.bytes ?? 0), own);
  return { bytes, kills: 0 };
}

function childrenOf(pid: number): number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`) ?? '';
  return children.split(' ').filter(Boolean).map(Number);
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
