import { readFileSync } from 'node:fs';
import { sleepUntil, type Window } from './window.js';

/** Linux counts CPU time in these (USER_HZ; 100 on every architecture that Node runs on). */
const TICKS_PER_SECOND = 100;

/** Resident memory of a process in bytes, or undefined where there is no /proc. */
export function residentBytes(pid: number): number | undefined {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`))?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

/** Memory of a process and its children in bytes, pages that they share counted once, or undefined where there is no /proc. */
export function treeBytes(pid: number): number | undefined {
  const kilobytes = /^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1];
  if (kilobytes === undefined) return undefined;
  return childrenOf(pid).reduce((sum, child) => sum + (treeBytes(child) ?? 0), Number(kilobytes) * 1024);
}

/** CPU seconds that a process and its children spend within the window, or undefined where there is no /proc. */
export async function cpuSeconds(pid: number, window: Window): Promise<number | undefined> {
  await sleepUntil(window.fromMs);
  const before = cpuSecondsSoFar(pid);
  await sleepUntil(window.toMs);
  const after = cpuSecondsSoFar(pid);
  return before === undefined || after === undefined ? undefined : after - before;
}

function cpuSecondsSoFar(pid: number): number | undefined {
  // The fields follow the command's name, which is in parentheses and may hold anything (proc(5)).
  const fields = read(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ') ?? [];
  const [user, system] = [fields[11], fields[12]];
  if (user === undefined || system === undefined) return undefined;
  const own = (Number(user) + Number(system)) / TICKS_PER_SECOND;
  return childrenOf(pid).reduce((sum, child) => sum + (cpuSecondsSoFar(child) ?? 0), own);
}

function childrenOf(pid: number): number[] {
  return read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
